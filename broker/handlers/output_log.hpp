#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "log/log.hpp"

namespace bester::handlers {

/// Limits for the output of an instance in the broker's log.
struct output_limits {
    std::size_t line_size = 8 * 1024;   ///< bytes; the rest of a longer line is cut off
    unsigned lines_per_second = 1'000;  ///< the others are counted
};

/// Turns what an instance writes to its stdout and stderr into log lines. Pure: bytes and `now`
/// in, finished lines out through the sink, which is called within the calls.
///
/// Lines are bounded in length and rate; omissions are marked (" [… 123 bytes cut]", "[… 4567 lines left out: …]"), so
/// that a handler that floods costs little. Control characters are escaped: a handler cannot forge a line or command a
/// terminal. Bytes that are not UTF-8 are escaped, too. A line may begin with a priority, as for systemd's journal
/// (sd-daemon(3)):
/// "<3>" is an error, "<4>" a warning, "<7>" for debugging.
class output_log {
public:
    using time_point = std::chrono::steady_clock::time_point;
    using line_sink = std::function<void(log::level level, std::string_view line)>;

    output_log(line_sink sink, output_limits limits = {});

    void write(std::string_view bytes, time_point now);
    /// Ends the stream: writes an unfinished line and the count of omitted lines.
    void finish(time_point now);

    /// Returns the last line that was not empty, at most 200 bytes of it, for status reports.
    const std::string& last_line() const noexcept { return last_line_; }

private:
    void append(std::string_view part);
    void end_line(time_point now);
    void report_left_out();

    line_sink sink_;
    output_limits limits_;
    std::string line_;     // unfinished, at most line_size
    std::size_t cut_ = 0;  // bytes of it beyond line_size
    std::string last_line_;
    time_point second_started_{};
    unsigned lines_this_second_ = 0;
    unsigned long long left_out_ = 0;
};

/// Writes control characters as \xNN, \t or \r, bytes that are not UTF-8 as \xNN, and all other bytes unchanged.
std::string make_printable(std::string_view text);

}  // namespace bester::handlers
