#pragma once

#include "wire/error_code.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace bester::handlers {

/// The commands of a handler of the original daemon (proto-docs/handler.md, "One-shot handlers").
enum class one_shot_command : std::uint8_t { send_clients, send_servers, send_handler };

/// A good answer: the command, its recipients and its data.
struct one_shot_answer {
    one_shot_command command = one_shot_command::send_clients;
    std::vector<std::string> recipients;  ///< users, servers, or exactly one handler
    std::string data;                     ///< JSON, byte for byte; "null" if there was none

    bool operator==(const one_shot_answer&) const = default;
};

/// handler_unavailable: cannot connect. handler_timeout. handler_failed: closed early, or sent an answer that is not
/// understood or too large. handler_refused: a status other than "0". `reason` is for the sender.
struct one_shot_failure {
    wire::error_code code = wire::error_code::handler_failed;
    std::string reason;

    bool operator==(const one_shot_failure&) const = default;
};

using one_shot_result = tl::expected<one_shot_answer, one_shot_failure>;

/// Reads the JSON of one answer. Pure; the whole text is checked, `data` included.
one_shot_result decode_one_shot_answer(std::string_view json);

}  // namespace bester::handlers
