#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bester::config {

/// Reads "500ms", "5s", "2m", "1h" as milliseconds: digits and a unit, nothing in between. None if it is not a
/// duration.
std::optional<std::uint64_t> parse_duration(std::string_view text);

/// Reads "512B", "64KiB", "1MiB", "2GiB" and the decimal "1KB", "1MB", "1GB" as bytes. None if it is not a size.
std::optional<std::uint64_t> parse_size(std::string_view text);

/// Writes a value in the largest unit that gives a whole number: parse_duration(format_duration(x)) == x.
std::string format_duration(std::uint64_t milliseconds);
std::string format_size(std::uint64_t bytes);

}  // namespace bester::config
