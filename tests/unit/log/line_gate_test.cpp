#include <catch2/catch.hpp>

#include "log/line_gate.hpp"

namespace bester::log {

namespace {

constexpr call_site here{"some.cpp", 7, "bad: {}"};
constexpr call_site there{"some.cpp", 8, "worse: {}"};

line_gate::time_point after_ms(int ms) {
    return line_gate::time_point{} + std::chrono::hours{1} + std::chrono::milliseconds{ms};
}

unsigned admitted(line_gate& gate, const call_site& where, line_gate::time_point now, unsigned lines) {
    unsigned count = 0;
    for (unsigned i = 0; i < lines; ++i) count += gate.admit(where, now).has_value();
    return count;
}

}  // namespace

TEST_CASE("line gate: a flood of one kind is a burst and a few lines in each second", "[log]") {
    line_gate gate;
    CHECK(admitted(gate, here, after_ms(0), 100'000) == line_gate::burst);
    unsigned more = 0;
    for (int second = 1; second <= 100; ++second) more += admitted(gate, here, after_ms(1000 * second), 1000);
    CHECK(more == 100 * line_gate::lines_per_second);
    CHECK(gate.left_out() == 100'000 - line_gate::burst + 100 * (1000 - line_gate::lines_per_second));
}

TEST_CASE("line gate: lines of other kinds still come", "[log]") {
    line_gate gate;
    admitted(gate, here, after_ms(0), 100'000);
    CHECK(gate.admit(there, after_ms(0)) == 0u);
}

TEST_CASE("line gate: the next line says how many were left out before it", "[log]") {
    line_gate gate;
    admitted(gate, here, after_ms(0), line_gate::burst + 40);
    CHECK(gate.admit(here, after_ms(1000)) == 40u);
    CHECK(gate.admit(here, after_ms(1000)) == 0u);
}

TEST_CASE("line gate: what no later line tells is told of once", "[log]") {
    line_gate gate;
    admitted(gate, here, after_ms(0), line_gate::burst + 40);
    CHECK(gate.take_silences(after_ms(500)).empty());
    const auto silences = gate.take_silences(after_ms(1500));
    REQUIRE(silences.size() == 1);
    CHECK(silences[0].left_out == 40);
    CHECK(silences[0].where.line == here.line);
    CHECK(gate.take_silences(after_ms(5000)).empty());
}

TEST_CASE("line gate: more kinds than it has places for share one, bounded as one", "[log]") {
    line_gate gate;
    unsigned count = 0;
    for (unsigned line = 0; line < 100'000; ++line)
        count += gate.admit({"generated.cpp", line, ""}, after_ms(0)).has_value();
    CHECK(count <= 512 + line_gate::burst);
}

}  // namespace bester::log
