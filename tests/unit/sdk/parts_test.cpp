#include <catch2/catch.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <bester/handler_events.hpp>

#include "backoff.hpp"
#include "input_buffer.hpp"
#include "output_buffer.hpp"
#include "pending_calls.hpp"
#include "send_order.hpp"
#include "timer_queue.hpp"

using namespace bester::detail;
using namespace std::chrono_literals;

namespace {

std::map<unsigned, std::uint64_t> after(send_order& order, unsigned shard, bool is_only_replies) {
    std::map<unsigned, std::uint64_t> entries;
    for (const auto& it : order.next(shard, is_only_replies)) entries[it.shard] = it.count;
    return entries;
}
using entries = std::map<unsigned, std::uint64_t>;

}  // namespace

TEST_CASE("send order: replies alone never wait for one another", "[sdk]") {
    send_order order;
    order.reset(3, true);
    for (unsigned i = 0; i < 9; ++i) CHECK(after(order, i % 3, true).empty());
}

TEST_CASE("send order: a frame with commands waits for all that was sent on other channels", "[sdk]") {
    send_order order;
    order.reset(3, true);
    after(order, 0, true);
    after(order, 0, true);
    after(order, 2, true);
    CHECK(after(order, 1, false) == entries{{0, 2}, {2, 1}});
    // Once waited for is enough.
    CHECK(after(order, 1, false).empty());
    after(order, 0, true);
    CHECK(after(order, 1, false) == entries{{0, 3}});
}

TEST_CASE("send order: frames after one with commands wait for it, on other channels only", "[sdk]") {
    send_order order;
    order.reset(2, true);
    CHECK(after(order, 0, false).empty());
    CHECK(after(order, 0, true).empty());
    CHECK(after(order, 1, true) == entries{{0, 1}});
    CHECK(after(order, 1, true).empty());
    CHECK(after(order, 1, false) == entries{{0, 2}});
    CHECK(after(order, 0, true) == entries{{1, 3}});
    CHECK(after(order, 0, false).empty());
}

TEST_CASE("send order: every pair that must be ordered is, whatever the channels", "[sdk]") {
    // A second way to compute it: follow all waits and channel orders, transitively.
    std::minstd_rand random{GENERATE(range(1U, 30U))};
    constexpr unsigned channels = 3;
    send_order order;
    order.reset(channels, true);
    struct sent_frame {
        unsigned shard;
        bool is_only_replies;
        std::vector<std::size_t> before;
    };
    std::vector<sent_frame> frames;
    std::vector<std::vector<std::size_t>> on_channel(channels);
    for (std::size_t i = 0; i < 60; ++i) {
        sent_frame frame{static_cast<unsigned>(random() % channels), random() % 3 != 0, {}};
        for (const auto& [shard, count] : after(order, frame.shard, frame.is_only_replies)) {
            REQUIRE(shard != frame.shard);
            REQUIRE(count <= on_channel[shard].size());  // never names what was not sent
            frame.before.push_back(on_channel[shard][count - 1]);
        }
        if (!on_channel[frame.shard].empty()) frame.before.push_back(on_channel[frame.shard].back());
        on_channel[frame.shard].push_back(i);
        frames.push_back(frame);
        std::vector<bool> reached(frames.size());
        std::vector<std::size_t> open{i};
        while (!open.empty()) {
            const std::size_t at = open.back();
            open.pop_back();
            for (const std::size_t earlier : frames[at].before)
                if (!reached[earlier]) reached[earlier] = true, open.push_back(earlier);
        }
        for (std::size_t earlier = 0; earlier < i; ++earlier) {
            CAPTURE(i, earlier);
            if (!frame.is_only_replies || !frames[earlier].is_only_replies) CHECK(reached[earlier]);
        }
    }
}

TEST_CASE("send order: given up, nothing waits", "[sdk]") {
    send_order order;
    order.reset(2, false);
    after(order, 0, false);
    CHECK(after(order, 1, false).empty());
}

TEST_CASE("timers: due ones are called in order of time, intervals again", "[sdk]") {
    timer_queue timers;
    timer_queue::clock::time_point start{};
    std::string called;
    timers.add(start + 20ms, 0ms, [&] { called += 'b'; });
    timers.add(start + 10ms, 0ms, [&] { called += 'a'; });
    timers.add(start + 15ms, 15ms, [&] { called += 'i'; });
    const auto run = [&](auto now) { timers.run_due(start + now, [](auto& function) { function(); }); };
    CHECK(timers.next() == start + 10ms);
    run(9ms);
    CHECK(called.empty());
    run(20ms);
    CHECK(called == "aib");
    run(30ms);
    CHECK(called == "aibi");
    // Far behind, it is called once.
    run(500ms);
    CHECK(called == "aibii");
    CHECK(timers.next() == start + 515ms);
}

TEST_CASE("timers: a cancelled one is not called, be it by itself", "[sdk]") {
    timer_queue timers;
    timer_queue::clock::time_point start{};
    int calls = 0;
    std::uint64_t own = 0;
    const auto other = timers.add(start + 2ms, 0ms, [&] { calls += 100; });
    own = timers.add(start + 1ms, 1ms, [&] {
        ++calls;
        timers.cancel(own);
        timers.cancel(other);
    });
    timers.run_due(start + 5ms, [](auto& function) { function(); });
    CHECK(calls == 1);
    CHECK_FALSE(timers.next());
    timers.cancel(4711);
}

TEST_CASE("output buffer: frames are written behind one another, and one can be taken back", "[sdk]") {
    output_buffer out;
    out.begin_frame();
    out.append("{}");
    CHECK(out.end_frame() == 2);
    out.begin_frame();
    out.append("dropped");
    out.drop_frame();
    out.begin_frame();
    out.append_number(18446744073709551615U);
    out.end_frame();
    CHECK(out.view() == std::string("\2\0\0\0{}\x14\0\0\0"
                                    "18446744073709551615",
                                    30));
    out.consume(6);
    CHECK(out.size() == 24);
    out.consume(24);
    CHECK(out.empty());
}

TEST_CASE("input buffer: what is unread stays when room is made", "[sdk]") {
    input_buffer in;
    std::string expected;
    std::string read;
    for (std::size_t i = 0; i < 2'000; ++i) {
        const std::string piece(i * 7 % 900, static_cast<char>('a' + i % 26));
        const auto room = in.prepare(piece.size() + 1);
        REQUIRE(room.size() > piece.size());
        std::copy(piece.begin(), piece.end(), room.begin());
        in.commit(piece.size());
        expected += piece;
        const auto take = in.unread().substr(0, i * 5 % 800);
        read += take;
        in.consume(take.size());
    }
    read += in.unread();
    CHECK(read == expected);
}

TEST_CASE("pending calls: each number is taken once, and they are bounded", "[sdk]") {
    pending_calls<std::shared_ptr<int>> calls;
    CHECK(calls.next_number() == 1);
    CHECK_FALSE(calls.add(std::make_shared<int>(1)));
    CHECK(calls.next_number() == 2);
    CHECK_FALSE(calls.add(std::make_shared<int>(2)));
    CHECK(*calls.take(2) == 2);
    CHECK_FALSE(calls.take(2));
    for (std::size_t i = 1; i < pending_calls<std::shared_ptr<int>>::most; ++i)
        CHECK_FALSE(calls.add(std::make_shared<int>(3)));
    // Who gives way is handed out, to be told so.
    CHECK(*calls.add(std::make_shared<int>(4)) == 1);
    CHECK_FALSE(calls.take(1));
    CHECK(calls.take_all().size() == pending_calls<std::shared_ptr<int>>::most);
}

TEST_CASE("backoff: pauses grow to the limit, with jitter, and begin anew after success", "[sdk]") {
    std::minstd_rand random{7};
    backoff pauses;
    auto expected = backoff::shortest;
    for (int i = 0; i < 12; ++i) {
        const auto pause = pauses.next(random);
        CHECK(pause >= expected / 2);
        CHECK(pause <= expected);
        expected = std::min(2 * expected, backoff::longest);
    }
    pauses.reset();
    CHECK(pauses.next(random) <= backoff::shortest);
}

TEST_CASE("query result: a value that is not there is an error that says why", "[sdk]") {
    const bester::query_result<bester::client_presence> none{bester::query_failure{"bad_query", "because"}};
    CHECK_THROWS_WITH(none->sessions, "a query has no result: bad_query: because");
    CHECK_THROWS_AS(*none, std::logic_error);
    const bester::query_result<bester::client_presence> some{bester::client_presence{true, 2}};
    CHECK(some->sessions == 2);
}
