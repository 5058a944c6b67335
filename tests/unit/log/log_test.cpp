#include <catch2/catch.hpp>

#include <memory>
#include <sstream>
#include <string>

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include "log/log.hpp"

namespace bester::log {

namespace {

/// The default logger writes into `text` meanwhile.
struct captured_log {
    captured_log() {
        auto made = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_st>(text));
        made->set_pattern("%l %v");
        spdlog::set_default_logger(std::move(made));
    }
    ~captured_log() { spdlog::set_default_logger(before); }

    std::size_t lines() const {
        std::size_t count = 0;
        for (const char c : text.str()) count += c == '\n';
        return count;
    }

    std::shared_ptr<spdlog::logger> before = spdlog::default_logger();
    std::ostringstream text;
};

}  // namespace

TEST_CASE("log: a call site is bounded though it does nothing for it, and others go on", "[log]") {
    captured_log captured;
    const std::uint64_t before = lines_left_out();
    for (int i = 0; i < 50'000; ++i) warning("somebody did {} again", i);
    CHECK(captured.lines() >= line_gate::burst);
    CHECK(captured.lines() < line_gate::burst + 1000);
    CHECK(lines_left_out() - before > 40'000);
    error("something {}", "else");
    CHECK(captured.text.str().find("error something else\n") != std::string::npos);
}

TEST_CASE("log: lines below the level cost no allowance", "[log]") {
    captured_log captured;
    const std::uint64_t before = lines_left_out();
    for (int i = 0; i < 50'000; ++i) debug("not wanted: {}", i);
    CHECK(captured.lines() == 0);
    CHECK(lines_left_out() == before);
}

}  // namespace bester::log
