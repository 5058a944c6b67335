#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bester::wire {

/// Where text stops being UTF-8; npos if it does not. Pure.
std::size_t first_invalid_utf8(std::string_view text) noexcept;

/// At most 48 bytes around `at`, for a log line: printable ASCII as it stands, all else as \xNN, with
/// "…" where something is left out. Pure.
std::string excerpt(std::string_view bytes, std::size_t at);

}  // namespace bester::wire
