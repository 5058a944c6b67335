// Both ends of a flow, joined by a way that does everything wrong: whatever happens, each message is
// delivered once and in order, or answered.
#include "hostile_pipe.hpp"

#include <catch2/catch.hpp>

namespace bester::peering {
namespace {

using namespace std::chrono_literals;
using test::hostile_pipe;
using test::hostility;

hostility usual() {
    hostility how;
    how.settings = {500, std::size_t{256} << 10, 10s, 500ms};
    return how;
}

/// Offers messages until so many were taken, then heals the way and waits until all is settled.
void run(hostile_pipe& pipe, std::size_t messages) {
    while (pipe.broken.empty() && pipe.fates().size() < messages) pipe.step(12);
    pipe.heal();
    for (std::size_t steps = 0; pipe.broken.empty() && !pipe.is_settled() && steps < 100'000; ++steps) pipe.step(0);
}

struct totals {
    std::size_t delivered = 0;
    std::size_t failed = 0;
    std::size_t both = 0;
    std::size_t abandoned = 0;
    std::size_t neither = 0;
};

totals count(const hostile_pipe& pipe) {
    totals sum;
    for (const test::message_fate& fate : pipe.fates()) {
        if (fate.delivered && fate.failed) ++sum.both;
        if (fate.delivered) ++sum.delivered;
        if (fate.failed) ++sum.failed;
        if (fate.is_abandoned) ++sum.abandoned;
        if (!fate.delivered && !fate.failed && !fate.is_abandoned) ++sum.neither;
    }
    return sum;
}

}  // namespace

TEST_CASE("flow: links that are cut thousands of times lose nothing and repeat nothing", "[peering]") {
    const auto seed = GENERATE(range(1u, 5u));
    CAPTURE(seed);
    hostility how = usual();
    how.cut = 0.15;
    how.longest_outage_ms = 60;
    hostile_pipe pipe{how, seed};
    run(pipe, 75'000);
    CHECK(pipe.broken == "");
    CHECK(pipe.is_settled());
    CHECK(pipe.sender().queued_bytes() == 0);
    const totals sum = count(pipe);
    CHECK(sum.delivered == pipe.fates().size());
    CHECK(sum.failed == 0);
    CHECK(pipe.cuts() > 1'000);
    CHECK(pipe.refused() > 0);
}

TEST_CASE("flow: servers between that drop frames lose nothing", "[peering]") {
    const auto seed = GENERATE(range(11u, 13u));
    CAPTURE(seed);
    hostility how = usual();
    how.drop = 0.02;
    how.cut = 0.01;
    hostile_pipe pipe{how, seed};
    run(pipe, 20'000);
    CHECK(pipe.broken == "");
    CHECK(pipe.is_settled());
    CHECK(pipe.sender().queued_bytes() == 0);
    CHECK(count(pipe).delivered == pipe.fates().size());
    CHECK(pipe.lost() == 0);
}

TEST_CASE("flow: deadlines and long outages are answered, and what was never sent never arrives", "[peering]") {
    const auto seed = GENERATE(range(21u, 23u));
    CAPTURE(seed);
    hostility how = usual();
    how.deadline_ms = GENERATE(200, 30'000);
    how.longest_outage_ms = 4'000;
    how.settings.resume_window = 2s;
    hostile_pipe pipe{how, seed};
    run(pipe, 20'000);
    CHECK(pipe.broken == "");
    CHECK(pipe.is_settled());
    CHECK(pipe.sender().queued_bytes() == 0);
    const totals sum = count(pipe);
    CHECK(sum.neither == 0);
    CHECK(sum.failed > 0);
    CHECK(sum.delivered > 0);
    CHECK((how.deadline_ms == 200 ? pipe.sender().counters().expired : pipe.sender().counters().unreachable) > 0);
}

TEST_CASE("flow: servers that are started anew repeat nothing, and say what may be lost", "[peering]") {
    const auto seed = GENERATE(range(31u, 35u));
    CAPTURE(seed);
    hostility how = usual();
    how.drop = 0.005;
    how.sender_restart = 0.002;
    how.receiver_restart = 0.004;
    how.deadline_ms = 20'000;
    hostile_pipe pipe{how, seed};
    run(pipe, 50'000);
    CHECK(pipe.broken == "");
    CHECK(pipe.is_settled());
    CHECK(pipe.sender().queued_bytes() == 0);
    const totals sum = count(pipe);
    CHECK(sum.neither == 0);
    CHECK(sum.abandoned > 0);
    CHECK(pipe.lost() > 0);
    CHECK(sum.delivered > pipe.fates().size() / 2);
}

TEST_CASE("flow: a destination that cannot be reached for long takes bounded memory", "[peering]") {
    hostility how = usual();
    how.cut = 1;
    how.longest_outage_ms = 2'000;
    how.deadline_ms = 1'000;
    how.settings.most_messages = 100'000;
    hostile_pipe pipe{how, 41};
    for (int i = 0; i < 3'000; ++i) pipe.step(50);
    CHECK(pipe.broken == "");
    CHECK(pipe.refused() > 0);
    CHECK(pipe.most_held() <= how.settings.most_bytes + message_store::chunk_size);
}

}  // namespace bester::peering
