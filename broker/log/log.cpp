#include "log/log.hpp"

#include <chrono>
#include <iterator>
#include <mutex>
#include <optional>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace bester::log {
namespace {

struct guarded_gate {
    std::mutex mutex;
    line_gate gate;
};

guarded_gate& the_gate() noexcept {
    static guarded_gate gate;
    return gate;
}

spdlog::level::level_enum native(level as) noexcept {
    switch (as) {
        case level::debug: return spdlog::level::debug;
        case level::info: return spdlog::level::info;
        case level::warning: return spdlog::level::warn;
        case level::error: return spdlog::level::err;
    }
    return spdlog::level::err;
}

}  // namespace

void write(level as, const call_site& where, fmt::string_view format, fmt::format_args values) noexcept {
    try {
        if (!spdlog::should_log(native(as))) return;
        std::optional<std::uint64_t> left_out;
        {
            guarded_gate& shared = the_gate();
            const std::lock_guard lock{shared.mutex};
            left_out = shared.gate.admit(where, std::chrono::steady_clock::now());
        }
        if (!left_out) return;
        fmt::memory_buffer text;
        fmt::vformat_to(std::back_inserter(text), format, values);
        if (*left_out > 0) fmt::format_to(std::back_inserter(text), " ({} more like this left out before)", *left_out);
        spdlog::log(native(as), spdlog::string_view_t{text.data(), text.size()});
    } catch (...) {
        // There is no memory for the line.
    }
}

void output_line(level as, std::string_view mark, std::string_view text) noexcept {
    try {
        spdlog::log(native(as), "{} {}", mark, text);
    } catch (...) {
        // There is no memory for the line.
    }
}

void tell_left_out() noexcept {
    try {
        std::vector<line_gate::silence> silences;
        {
            guarded_gate& shared = the_gate();
            const std::lock_guard lock{shared.mutex};
            silences = shared.gate.take_silences(std::chrono::steady_clock::now());
        }
        for (const auto& each : silences)
            spdlog::warn("log: left out {} more like \"{}\"", each.left_out, each.where.format);
    } catch (...) {
        // There is no memory for the lines.
    }
}

std::uint64_t lines_left_out() noexcept {
    guarded_gate& shared = the_gate();
    const std::lock_guard lock{shared.mutex};
    return shared.gate.left_out();
}

}  // namespace bester::log
