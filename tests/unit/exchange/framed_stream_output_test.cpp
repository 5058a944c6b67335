// framed_stream: what is written, and when.
#include <chrono>

#include "stream_fixture.hpp"

namespace bester::exchange {

TEST_CASE_METHOD(stream_fixture, "stream: output is written at the end of the turn, in order", "[exchange]") {
    begin();
    const auto [frames, last] = on_shard([&](shard&) {
        stream->say("one");
        stream->say("two");
        std::string end(framed("two").size(), '\0');
        stream->unwritten(end.size(), end.size(), end.data());
        return std::pair{stream->queued_frames(), end};
    });
    CHECK(frames == 2);
    CHECK(last == framed("two"));
    const std::string expected = framed("one") + framed("two");
    CHECK(receive(expected.size()) == expected);
    shards.pass_turns();
    CHECK(on_shard([](shard& there) { return there.queued_memory(); }) == 0);
}

TEST_CASE_METHOD(stream_fixture, "stream: a reader that is slow gets all of it, and blocked is told", "[exchange]") {
    begin();
    std::string expected;
    on_shard([&](shard&) {
        for (int i = 0; i < 100; ++i) {
            const std::string body(20'000, static_cast<char>('a' + i % 26));
            stream->say(body);
            expected += framed(body);
        }
    });
    shards.pass_turns();
    CHECK(on_shard([&](shard&) { return stream->is_blocked(); }));
    CHECK(receive(expected.size()) == expected);
    CHECK(on_shard([&](shard&) { return stream->queued_bytes(); }) == 0);
}

TEST_CASE_METHOD(stream_fixture, "stream: one with much to write takes turns with the others, and its reader gets all",
                 "[exchange]") {
    // Room for all of it, where the system allows that.
    constexpr int room = 8 << 20;
    ::setsockopt(stream->fd(), SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    begin();
    std::string expected;
    std::size_t left = 0;
    on_shard([&](shard& there) {
        for (int i = 0; i < 100; ++i) {
            const std::string body(20'000, static_cast<char>('a' + i % 26));
            stream->say(body);
            expected += framed(body);
        }
        there.at_turn_end([&] { left = stream->queued_bytes(); });
    });
    CHECK(receive(expected.size()) == expected);
    CHECK(expected.size() - on_shard([&](shard&) { return left; }) <= std::size_t{512} << 10);
    CHECK(on_shard([&](shard&) { return stream->queued_bytes(); }) == 0);
}

namespace {

/// Takes longer to be written than a turn has time for.
struct slow_writer final : turn_stream {
    void on_ready(std::uint32_t) override {}
    void fail() noexcept override {}
    void read_on() override {}
    void left_unwritten() override {}
    void flush() override {
        const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds{6};
        while (std::chrono::steady_clock::now() < until) {}
    }
};

}  // namespace

TEST_CASE_METHOD(stream_fixture,
                 "stream: output that the turn has no time for is written in the next, and counted until then",
                 "[exchange]") {
    stream_account account;
    account.queue = {1'000'000, 1'000};
    stream->use_account(account);
    slow_writer before;
    begin();
    std::size_t counted = 0;
    std::size_t counted_with_more = 0;
    on_shard([&](shard& there) {
        there.flush_later(before);
        stream->say("one");
        there.at_turn_end([&] {
            counted = account.output.bytes();
            stream->say(std::string(50'000, '2'));
            counted_with_more = account.output.bytes();
        });
    });
    const std::string expected = framed("one") + framed(std::string(50'000, '2'));
    CHECK(receive(expected.size()) == expected);
    const auto [first, second, last] = on_shard([&](shard&) {
        return std::array{counted, counted_with_more, account.output.bytes()};
    });
    CHECK(first > 0);
    CHECK(second >= first + 50'000);
    CHECK(last == 0);
    on_shard([&](shard&) { stream->close(close_reason::requested); });
    shards.pass_turns(3);
}

TEST_CASE_METHOD(stream_fixture,
                 "stream: one that is blocked and gets more while turns have no time goes on when it is read",
                 "[exchange]") {
    stream_account account;
    account.queue = {10'000'000, 1'000};
    stream->use_account(account);
    slow_writer before;
    begin();
    std::string expected;
    on_shard([&](shard&) {
        for (int i = 0; i < 100; ++i) {
            const std::string body(20'000, static_cast<char>('a' + i % 26));
            stream->say(body);
            expected += framed(body);
        }
    });
    shards.pass_turns(10);
    REQUIRE(on_shard([&](shard&) { return stream->is_blocked(); }));
    for (int i = 0; i < 2; ++i) {
        on_shard([&](shard& there) {
            there.flush_later(before);
            stream->say("more");
        });
        expected += framed("more");
    }
    CHECK(receive(expected.size()) == expected);
    on_shard([&](shard&) { stream->close(close_reason::requested); });
    shards.pass_turns(3);
}

TEST_CASE_METHOD(stream_fixture, "stream: without an account it is written before those that have one", "[exchange]") {
    slow_writer before;
    begin();
    std::size_t left = 1;
    on_shard([&](shard& there) {
        there.flush_later(before);
        stream->say("one");
        there.at_turn_end([&] { left = stream->queued_bytes(); });
    });
    CHECK(receive(framed("one").size()) == framed("one"));
    CHECK(on_shard([&](shard&) { return left; }) == 0);
}

}  // namespace bester::exchange
