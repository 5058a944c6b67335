#include "handlers/output_log.hpp"

#include <algorithm>
#include <utility>

#include "wire/counted.hpp"
#include "wire/excerpt.hpp"

namespace bester::handlers {

namespace {

constexpr std::size_t last_line_size = 200;

/// Removes the priority "<N>" of sd-daemon(3) from the beginning of a line; a line without one is information.
log::level take_level(std::string_view& line) {
    if (line.size() < 3 || line[0] != '<' || line[2] != '>' || line[1] < '0' || line[1] > '7') return log::level::info;
    const char priority = line[1];
    line.remove_prefix(3);
    if (priority <= '3') return log::level::error;
    if (priority == '4') return log::level::warning;
    return priority == '7' ? log::level::debug : log::level::info;
}

bool is_control(unsigned char byte) { return byte < 0x20 || byte == 0x7f; }

}  // namespace

std::string make_printable(std::string_view text) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string escaped;
    escaped.reserve(text.size());
    std::size_t invalid = wire::first_invalid_utf8(text);
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (i == invalid) {
            const auto wrong = static_cast<unsigned char>(text[i]);
            escaped.append("\\x").append({digits[wrong >> 4], digits[wrong & 15]});
            const std::size_t next = wire::first_invalid_utf8(text.substr(i + 1));
            invalid = next == std::string_view::npos ? next : i + 1 + next;
            continue;
        }
        const auto byte = static_cast<unsigned char>(text[i]);
        // U+0080 to U+009F are control characters, too, which some terminals execute.
        const bool is_c1 = byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) >= 0x80 &&
                           static_cast<unsigned char>(text[i + 1]) <= 0x9f;
        if (byte == '\t') {
            escaped += "\\t";
        } else if (byte == '\r') {
            escaped += "\\r";
        } else if (is_control(byte) || is_c1) {
            const auto shown = is_c1 ? static_cast<unsigned char>(text[++i]) : byte;
            escaped.append("\\x").append({digits[shown >> 4], digits[shown & 15]});
        } else {
            escaped.push_back(text[i]);
        }
    }
    return escaped;
}

output_log::output_log(line_sink sink, output_limits limits) : sink_(std::move(sink)), limits_(limits) {}

void output_log::write(std::string_view bytes, time_point now) {
    for (;;) {
        const std::size_t end = bytes.find('\n');
        append(bytes.substr(0, end));
        if (end == std::string_view::npos) return;
        end_line(now);
        bytes.remove_prefix(end + 1);
    }
}

void output_log::finish(time_point now) {
    if (!line_.empty()) end_line(now);
    report_left_out();
}

void output_log::append(std::string_view part) {
    const std::size_t taken = std::min(part.size(), limits_.line_size - line_.size());
    line_.append(part.substr(0, taken));
    cut_ += part.size() - taken;
}

void output_log::end_line(time_point now) {
    if (now - second_started_ >= std::chrono::seconds(1)) {
        report_left_out();
        second_started_ = now;
        lines_this_second_ = 0;
    }
    if (cut_ == 0 && !line_.empty() && line_.back() == '\r') line_.pop_back();
    // An empty line is of no use in a log.
    if (!line_.empty()) {
        if (lines_this_second_ < limits_.lines_per_second) {
            ++lines_this_second_;
            std::string_view text{line_};
            const log::level level = take_level(text);
            std::string shown = make_printable(text);
            last_line_ = shown.substr(0, last_line_size);
            // Not the first bytes of a character whose others are cut off.
            last_line_.resize(std::min(last_line_.size(), wire::first_invalid_utf8(last_line_)));
            if (cut_ > 0) shown += " [… " + wire::counted(cut_, "byte") + " cut]";
            sink_(level, shown);
        } else {
            ++left_out_;
        }
    }
    line_.clear();
    cut_ = 0;
}

void output_log::report_left_out() {
    if (left_out_ == 0) return;
    sink_(log::level::warning, "[… " + wire::counted(left_out_, "line") + " left out: more than " +
                                   std::to_string(limits_.lines_per_second) + " in one second]");
    left_out_ = 0;
}

}  // namespace bester::handlers
