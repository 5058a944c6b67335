#pragma once

#include <bester/answer.hpp>

namespace bester::detail {

/// Returns what the sender of a message is told whose responder was dropped.
inline answer no_answer() {
    return refuse("handler_gave_no_answer", "the handler dropped this message without an answer");
}

}  // namespace bester::detail
