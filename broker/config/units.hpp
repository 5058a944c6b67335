#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bester::config {

/// "500ms", "5s", "2m", "1h" as milliseconds: digits and a unit, nothing between. None: not one.
std::optional<std::uint64_t> parse_duration(std::string_view text);

/// "512B", "64KiB", "1MiB", "2GiB" and the decimal "1KB", "1MB", "1GB" as bytes. None: not one.
std::optional<std::uint64_t> parse_size(std::string_view text);

/// In the largest unit that gives a whole number: parse_duration(format_duration(x)) == x.
std::string format_duration(std::uint64_t milliseconds);
std::string format_size(std::uint64_t bytes);

}  // namespace bester::config
