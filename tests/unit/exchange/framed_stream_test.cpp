#include "exchange/framed_stream.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <new>
#include <string>
#include <utility>

#include "stream_fixture.hpp"

namespace bester::exchange {

TEST_CASE_METHOD(stream_fixture, "stream: frames that come in pieces are complete, at every split point",
                 "[exchange]") {
    const std::string all = framed("one") + framed(std::string(300, '2')) + framed("three");
    const notes expected{"one", std::string(300, '2'), "three"};
    begin();
    for (std::size_t split = 0; split <= all.size(); ++split) {
        on_shard([&](shard&) { seen.clear(); });
        if (split > 0) {
            send(all.substr(0, split));
        }
        // Until it has been read: a piece of mail comes after it.
        shards.pass_turns(1);
        if (split < all.size()) {
            send(all.substr(split));
        }
        REQUIRE(wait_for(3) == expected);
    }
    CHECK(on_shard([](shard& there) { return there.queued_memory(); }) == 0);
}

TEST_CASE_METHOD(stream_fixture, "stream: what somebody read before comes first", "[exchange]") {
    const std::string first = framed("first");
    send(first.substr(3) + framed("second"));
    begin(first.substr(0, 3));
    CHECK(wait_for(2) == notes{"first", "second"});
}

TEST_CASE_METHOD(stream_fixture, "stream: a large frame in small pieces is put together", "[exchange]") {
    const std::string body(90'000, 'x');
    const std::string all = framed(body);
    begin();
    for (std::size_t at = 0; at < all.size(); at += 7'001) send(std::string_view{all}.substr(at, 7'001));
    CHECK(wait_for(1) == notes{body});
    shards.pass_turns();
    CHECK(on_shard([](shard& there) { return there.queued_memory(); }) == 0);
}

TEST_CASE_METHOD(stream_fixture, "stream: a frame above the limit, or too short, ends it", "[exchange]") {
    begin();
    const bool is_too_large = GENERATE(true, false);
    if (is_too_large) send(std::string{"\xff\xff\xff\x7f", 4});
    else send(std::string{"\0\0\0\0", 4});
    CHECK(wait_for(2) == notes{is_too_large ? "too large" : "bad", "closed: bad input"});
    shards.pass_turns();
    CHECK(on_shard([&](shard&) { return alive; }) == 0);
}

TEST_CASE_METHOD(stream_fixture, "stream: nothing is read while it is paused, and then in order", "[exchange]") {
    stream->verdict = [&](std::string_view body) {
        return body == "pause" ? frame_verdict::taken_then_pause : frame_verdict::taken;
    };
    begin();
    send(framed("no. 1") + framed("pause") + framed("no. 2"));
    CHECK(wait_for(2) == notes{"no. 1", "pause"});
    send(framed("no. 3"));
    shards.pass_turns();
    CHECK(wait_for(2) == notes{"no. 1", "pause"});
    on_shard([&](shard&) { stream->resume(); });
    CHECK(wait_for(4) == notes{"no. 1", "pause", "no. 2", "no. 3"});
}

TEST_CASE_METHOD(stream_fixture, "stream: a frame that is not taken is given again when it is resumed", "[exchange]") {
    bool is_ready = false;
    stream->verdict = [&](std::string_view body) {
        return body == "wait" && !is_ready ? frame_verdict::not_yet : frame_verdict::taken;
    };
    begin();
    send(framed("wait") + framed("next"));
    CHECK(wait_for(1) == notes{"later wait"});
    on_shard([&](shard&) {
        is_ready = true;
        stream->resume();
    });
    CHECK(wait_for(3) == notes{"later wait", "wait", "next"});
}

TEST_CASE_METHOD(stream_fixture,
                 "stream: a frame for the next turn is given again after the mail, before all that follows",
                 "[exchange]") {
    unsigned times = 0;
    std::vector<std::string> order;
    stream->verdict = [&](std::string_view body) {
        order.push_back("frame " + std::string{body});
        if (body != "after mail") return frame_verdict::taken;
        if (++times == 1) shards[0].post([&](shard&) { order.push_back("mail"); });
        return times < 3 ? frame_verdict::next_turn : frame_verdict::taken;
    };
    begin();
    send(framed("before") + framed("after mail") + framed("behind"));
    CHECK(wait_for(5) == notes{"before", "later after mail", "later after mail", "after mail", "behind"});
    const auto told = on_shard([&](shard&) { return order; });
    const auto mail = std::find(told.begin(), told.end(), "mail");
    REQUIRE(mail != told.end());
    CHECK(std::find(mail, told.end(), "frame behind") != told.end());
}

TEST_CASE_METHOD(stream_fixture, "stream: one whose frames take long makes way for other work, and goes on in order",
                 "[exchange]") {
    stream_account account;
    account.queue = {1'000'000, 1'000};
    if (GENERATE(false, true)) stream->use_account(account);
    constexpr int most = 40;
    notes sent;
    std::string bytes;
    for (int i = 0; i < most; ++i) {
        sent.push_back("frame " + std::to_string(i));
        bytes += framed(sent.back());
    }
    std::size_t before_mail = 0;
    stream->verdict = [&](std::string_view body) {
        if (body == sent[0]) shards[0].post([&](shard&) { before_mail = seen.size(); });
        const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds{500};
        while (std::chrono::steady_clock::now() < until) {}
        return frame_verdict::taken;
    };
    begin();
    send(bytes);
    CHECK(wait_for(most) == sent);
    CHECK(on_shard([&](shard&) { return before_mail; }) < most);
    on_shard([&](shard&) { stream->close(close_reason::requested); });
    shards.pass_turns(3);
}

TEST_CASE_METHOD(stream_fixture, "stream: of many only those are read that the bound of input allows in a turn",
                 "[exchange]") {
    constexpr int count = 8;
    const std::string all = framed(std::string(90'000, 'x'));
    const std::size_t first = GENERATE(std::size_t{70'000}, std::size_t{3'000});
    stream_account account;
    account.queue = {1'000'000, 1'000};
    account.input.on_growth([&] { shards[0].stop_input(); });
    std::vector<std::size_t> held;
    struct client {
        noting_stream* stream;
        int fd;
    };
    std::vector<client> clients;
    for (int i = 0; i < count; ++i) {
        std::array<int, 2> fds{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds.data()) == 0);
        REQUIRE(::send(fds[1], all.data(), first, MSG_NOSIGNAL) == static_cast<ssize_t>(first));
        clients.push_back({on_shard([&](shard& there) {
                               return new noting_stream{there, fds[0], seen, alive};
                           }),
                           fds[1]});
    }
    // Notes what is held at the end of the turn in which they are ready.
    struct noting_end final : turn_worker {
        noting_end() : turn_worker{work_phase::ending} {}
        std::function<void()> note;
        void work_in_turn() override { note(); }
    };
    noting_end end;
    end.note = [&] {
        held.push_back(account.input.bytes());
        if (held.size() < 50) shards[0].work_later(end);
    };
    on_shard([&](shard& there) {
        for (const client& each : clients) {
            each.stream->gone = [this, stream = each.stream] { shards[0].bury(std::unique_ptr<turn_stream>{stream}); };
            each.stream->use_account(account);
            each.stream->begin();
        }
        there.work_later(end);
    });
    while (on_shard([&](shard&) { return held.size(); }) < 50) std::this_thread::yield();
    // Each reads a part of 256 KiB in a turn; the bound is looked at each 64 KiB.
    std::size_t before = 0;
    for (const std::size_t now : held) {
        CHECK(now <= before + 2 * (std::size_t{64} << 10));
        before = now;
    }
    CHECK(before >= count * first);
    for (const client& each : clients)
        REQUIRE(::send(each.fd, all.data() + first, all.size() - first, MSG_NOSIGNAL) ==
                static_cast<ssize_t>(all.size() - first));
    CHECK(wait_for(count).size() == count);
    CHECK(on_shard([&](shard&) { return account.input.bytes(); }) == 0);
    on_shard([&](shard&) {
        for (const client& each : clients) each.stream->close(close_reason::requested);
    });
    shards.pass_turns(3);
    for (const client& each : clients) ::close(each.fd);
}

TEST_CASE_METHOD(stream_fixture, "stream: what a peer sent before it closed is read first", "[exchange]") {
    const bool is_paused = GENERATE(false, true);
    stream->verdict = [&](std::string_view body) {
        return is_paused && body == "no. 1" ? frame_verdict::taken_then_pause : frame_verdict::taken;
    };
    begin();
    send(framed("no. 1") + framed("no. 2"));
    finish();
    if (is_paused) {
        wait_for(1);
        shards.pass_turns();
        on_shard([&](shard&) { stream->resume(); });
    }
    CHECK(wait_for(4) == notes{"no. 1", "no. 2", "end", "closed: closed by the peer"});
}

TEST_CASE_METHOD(stream_fixture, "stream: until it is dry, all that has come is read, then it is told", "[exchange]") {
    bool is_waiting = true;
    stream->verdict = [&](std::string_view body) {
        return body == "wait" && is_waiting ? frame_verdict::not_yet : frame_verdict::taken;
    };
    SECTION("at once") {
        begin();
        send(framed("no. 1"));
        wait_for(1);
        const notes seen_then = on_shard([&](shard&) {
            stream->dry();
            return seen;
        });
        CHECK(seen_then == notes{"no. 1"});  // not within what is being done
        CHECK(wait_for(2) == notes{"no. 1", "dry"});
        send(framed("no. 2"));
        CHECK(wait_for(3) == notes{"no. 1", "dry", "no. 2"});
    }
    SECTION("what has not been looked at yet") {
        send(framed("no. 1") + framed("no. 2"));
        begin();
        on_shard([&](shard&) { stream->dry(); });
        CHECK(wait_for(3) == notes{"no. 1", "no. 2", "dry"});
    }
    SECTION("after the pause that there is") {
        begin();
        send(framed("wait") + framed("no. 1"));
        wait_for(1);
        on_shard([&](shard&) { stream->dry(); });
        shards.pass_turns();
        CHECK(wait_for(1) == notes{"later wait"});
        on_shard([&](shard&) {
            is_waiting = false;
            stream->resume();
        });
        CHECK(wait_for(4) == notes{"later wait", "wait", "no. 1", "dry"});
    }
    SECTION("not if it ends before") {
        begin();
        on_shard([&](shard&) {
            stream->dry();
            stream->close(close_reason::requested);
        });
        shards.pass_turns();
        CHECK(wait_for(1) == notes{"closed: requested"});
    }
}

TEST_CASE_METHOD(stream_fixture,
                 "stream: a failure for later ends it in a later part of the turn, whatever else is due",
                 "[exchange]") {
    begin();
    const bool is_open = on_shard([&](shard&) {
        stream->dry();
        stream->fail_later();
        stream->dry();
        return stream->is_open();
    });
    CHECK(is_open);
    CHECK(wait_for(1) == notes{"closed: internal error"});
    shards.pass_turns();
    CHECK(on_shard([&](shard&) { return alive; }) == 0);
}

TEST_CASE_METHOD(stream_fixture,
                 "stream: another one goes on with its connection, with what was not read or not written",
                 "[exchange]") {
    const std::string large(50'000, 'x');
    constexpr std::size_t count = 40;
    stream->verdict = [](std::string_view) { return frame_verdict::taken_then_pause; };
    begin();
    send(framed("first") + framed("second") + framed("third").substr(0, 5));
    REQUIRE(wait_for(1) == notes{"first"});
    on_shard([&](shard&) {
        for (std::size_t i = 0; i < count; ++i) stream->say(large);
    });
    shards.pass_turns();
    REQUIRE(on_shard([&](shard&) { return stream->is_blocked(); }));

    on_shard([&](shard& there) {
        auto gone = std::move(stream->gone);
        stream_parts parts = stream->release_parts();
        CHECK_FALSE(stream->is_open());
        there.bury(std::unique_ptr<turn_stream>{stream});
        stream = new noting_stream{there, parts, seen, alive};
        stream->gone = std::move(gone);
        stream->begin(parts.received);
        stream->say("last");
    });
    send(framed("third").substr(5));
    std::string all;
    for (std::size_t i = 0; i < count; ++i) all += framed(large);
    all += framed("last");
    CHECK(receive(all.size()) == all);
    CHECK(wait_for(3) == notes{"first", "second", "third"});
    CHECK(alive == 1);
}

TEST_CASE_METHOD(stream_fixture, "stream: parts of a connection close it when nobody goes on with them", "[exchange]") {
    begin();
    on_shard([&](shard& there) {
        const stream_parts parts = stream->release_parts();
        there.bury(std::unique_ptr<turn_stream>{stream});
    });
    char byte = 0;
    pollfd waiting{fd, POLLIN, 0};
    REQUIRE(::poll(&waiting, 1, 10'000) == 1);
    CHECK(::recv(fd, &byte, 1, 0) == 0);
    shards.pass_turns();
    CHECK(alive == 0);
    CHECK(seen.empty());
}

TEST_CASE_METHOD(stream_fixture, "stream: closing after the flush writes all that was queued", "[exchange]") {
    begin();
    std::string expected;
    on_shard([&](shard&) {
        for (int i = 0; i < 50; ++i) {
            const std::string body(20'000, 'z');
            stream->say(body);
            expected += framed(body);
        }
        stream->close_after_flush(close_reason::shutting_down);
        stream->close_after_flush(close_reason::requested);
    });
    send(framed("is not read"));
    CHECK(receive(expected.size()) == expected);
    CHECK(wait_for(1) == notes{"closed: shutting down"});
}

TEST_CASE_METHOD(stream_fixture, "stream: a closed one is destroyed though others are busy", "[exchange]") {
    begin();
    const int alive_then = on_shard([&](shard&) {
        stream->close(close_reason::requested);
        stream->close(close_reason::bad_input);
        stream->resume();
        stream->pause();
        return alive;
    });
    CHECK(alive_then == 1);  // somebody may be in the middle of it
    shards.pass_turns();
    CHECK(on_shard([&](shard&) { return alive; }) == 0);
    CHECK(wait_for(1) == notes{"closed: requested"});
}

TEST_CASE_METHOD(stream_fixture, "stream: an exception while a frame is handled closes it, and is counted",
                 "[exchange]") {
    stream->verdict = [](std::string_view body) -> frame_verdict {
        if (body == "bad") throw std::bad_alloc{};
        return body == "wait" ? frame_verdict::taken_then_pause : frame_verdict::taken;
    };
    begin();
    SECTION("when it is ready") {
        send(framed("good") + framed("bad") + framed("behind"));
        CHECK(wait_for(2) == notes{"good", "closed: internal error"});
    }
    SECTION("when it reads on") {
        send(framed("wait") + framed("bad"));
        wait_for(1);
        on_shard([&](shard&) { stream->resume(); });
        CHECK(wait_for(2) == notes{"wait", "closed: internal error"});
    }
    shards.pass_turns();
    CHECK(on_shard([&](shard&) { return alive; }) == 0);
    CHECK(internal_errors() == 1);
    CHECK(on_shard([](shard& there) { return there.queued_memory(); }) == 0);
}

TEST_CASE_METHOD(stream_fixture, "stream: the end is told again until that succeeds", "[exchange]") {
    int failures = 2;
    stream->closing = [&] {
        if (failures-- > 0) throw std::bad_alloc{};
    };
    begin();
    on_shard([&](shard&) { stream->close(close_reason::requested); });
    CHECK(wait_for(1) == notes{"closed: requested"});
    shards.pass_turns();
    CHECK(on_shard([&](shard&) { return alive; }) == 0);
    CHECK(internal_errors() == 2);
}

}  // namespace bester::exchange
