#pragma once

#include <cstdint>
#include <source_location>
#include <string_view>
#include <type_traits>
#include <utility>

#include <fmt/core.h>

#include "log/line_gate.hpp"

/// The broker's log. A line_gate bounds each call site of the process, so that a new one needs no bound of its own:
/// left-out lines are counted, and reported by the next line of that kind or by tell_left_out(). Any thread; never
/// throws, since a line that cannot be written must not end any work.
namespace bester::log {

enum class level : std::uint8_t { debug, info, warning, error };

/// A format string that is checked at compile time, and the place where it stands.
template <class... Args>
struct format_here {
    template <class Text, class = std::enable_if_t<std::is_convertible_v<const Text&, std::string_view>>>
    consteval format_here(const Text& literal, std::source_location at = std::source_location::current())
        : text{literal}, where{at.file_name(), at.line(), literal} {}
    fmt::format_string<Args...> text;
    call_site where;
};

/// Writes a line if its level is wanted and the call site may write one.
void write(level as, const call_site& where, fmt::string_view format, fmt::format_args values) noexcept;

template <class... Args>
void line(level as, format_here<std::type_identity_t<Args>...> what, Args&&... values) noexcept {
    write(as, what.where, what.text, fmt::make_format_args(values...));
}
template <class... Args>
void debug(format_here<std::type_identity_t<Args>...> what, Args&&... values) noexcept {
    write(level::debug, what.where, what.text, fmt::make_format_args(values...));
}
template <class... Args>
void info(format_here<std::type_identity_t<Args>...> what, Args&&... values) noexcept {
    write(level::info, what.where, what.text, fmt::make_format_args(values...));
}
template <class... Args>
void warning(format_here<std::type_identity_t<Args>...> what, Args&&... values) noexcept {
    write(level::warning, what.where, what.text, fmt::make_format_args(values...));
}
template <class... Args>
void error(format_here<std::type_identity_t<Args>...> what, Args&&... values) noexcept {
    write(level::error, what.where, what.text, fmt::make_format_args(values...));
}

/// Writes a line of a handler's own output, which its output_log bounds by instance.
void output_line(level as, std::string_view mark, std::string_view text) noexcept;

/// Writes a line for each call site with left-out lines that no later line has reported. To be called about once a
/// second.
void tell_left_out() noexcept;
/// Returns how many lines were left out so far.
std::uint64_t lines_left_out() noexcept;

}  // namespace bester::log
