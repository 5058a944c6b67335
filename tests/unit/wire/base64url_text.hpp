#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "wire/base64.hpp"

namespace bester::wire::test {

/// `bytes` as base64url without padding: the broker only reads it.
inline std::string base64url_of(std::string_view bytes) {
    std::string text;
    append_base64(text, bytes);
    text.resize(std::min(text.find('='), text.size()));
    std::replace(text.begin(), text.end(), '+', '-');
    std::replace(text.begin(), text.end(), '/', '_');
    return text;
}

}  // namespace bester::wire::test
