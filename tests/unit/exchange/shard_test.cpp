#include <catch2/catch.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "failing_allocation.hpp"
#include "running_shards.hpp"

namespace bester::exchange {

namespace {

std::uint64_t steady_ms() {
    using namespace std::chrono;
    return static_cast<std::uint64_t>(duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count());
}

struct noting_sweep final : swept {
    std::function<bool(std::uint64_t)> on_sweep;
    bool sweep(std::uint64_t now_ms) override { return on_sweep(now_ms); }
};

/// Something readable, once.
struct signalled final : pollable {
    std::function<void()> on_signal;
    bool has_failed = false;
    int fd = ::eventfd(0, EFD_NONBLOCK);

    ~signalled() { ::close(fd); }
    void signal() const { REQUIRE(::eventfd_write(fd, 1) == 0); }
    void on_ready(std::uint32_t) override {
        eventfd_t count;
        ::eventfd_read(fd, &count);
        on_signal();
    }
    void fail() noexcept override { has_failed = true; }
};

std::uint64_t internal_errors(running_shards& shards) {
    return shards.ask([](shard& there) { return there.counters()[counter::internal_errors]; });
}

}  // namespace

TEST_CASE("shard: its clocks are read after it has slept, before anything is done", "[exchange]") {
    running_shards shards;
    signalled ready;
    std::promise<std::uint64_t> seen;
    std::promise<std::uint64_t> seen_again;
    ready.on_signal = [&] { seen.set_value(shards[0].now_ms()); };
    shards.ask([&](shard& there) { there.loop().add(ready.fd, EPOLLIN, ready); });
    // The silence under test: nothing wakes the shard.
    std::this_thread::sleep_for(std::chrono::milliseconds{60});
    const std::uint64_t before = steady_ms();
    ready.signal();
    CHECK(seen.get_future().get() >= before);
    std::this_thread::sleep_for(std::chrono::milliseconds{60});
    const std::uint64_t before_mail = steady_ms();
    CHECK(shards.ask([](shard& there) { return there.now_ms(); }) >= before_mail);
    shards.ask([&](shard& there) { there.loop().remove(ready.fd); });
}

TEST_CASE("shard: wall time is right after silence", "[exchange]") {
    running_shards shards;
    const auto wall_ms = [] {
        using namespace std::chrono;
        return static_cast<std::uint64_t>(duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count());
    };
    shards.pass_turns();
    std::this_thread::sleep_for(std::chrono::milliseconds{60});
    const auto before = wall_ms();
    CHECK(shards.ask([](shard& there) { return there.wall_ms(); }) >= before);
}

TEST_CASE("shard: deadlines are looked at after what had come, also when a turn took long", "[exchange]") {
    running_shards shards;
    signalled ready;
    noting_sweep sweeps;
    std::vector<std::string> order;
    std::promise<void> is_swept;
    bool is_armed = false;
    ready.on_signal = [&] { order.push_back("ready"); };
    sweeps.on_sweep = [&](std::uint64_t) {
        if (!is_armed) return false;
        is_armed = false;
        order.push_back("sweep");
        is_swept.set_value();
        return false;
    };
    shards.ask([&](shard& there) {
        there.loop().add(ready.fd, EPOLLIN, ready);
        there.add_swept(sweeps);
    });
    shards.pass_turns();
    // A turn that stands still: what comes meanwhile is handled before anybody is judged by the clock.
    shards.ask([&](shard& there) {
        is_armed = true;
        there.wake_sweep();
        std::this_thread::sleep_for(std::chrono::milliseconds{200});
        ready.signal();
    });
    is_swept.get_future().get();
    CHECK(shards.ask([&](shard& there) {
        there.remove_swept(sweeps);
        there.loop().remove(ready.fd);
        return order;
    }) == std::vector<std::string>{"ready", "sweep"});
}

TEST_CASE("shard: an exception ends the piece of mail that it leaves, is counted, and no more", "[exchange]") {
    running_shards shards;
    bool is_next_run = false;
    shards[0].post([](shard&) { throw std::runtime_error{"as planned"}; });
    shards[0].post([&](shard&) { is_next_run = true; });
    shards[0].post([](shard&) { throw 1; });
    shards.pass_turns();
    CHECK(is_next_run);
    CHECK(internal_errors(shards) == 2);
}

TEST_CASE("shard: an exception ends who was ready, and no other", "[exchange]") {
    running_shards shards;
    signalled bad;
    signalled good;
    std::promise<void> is_good_called;
    bad.on_signal = [] { throw std::bad_alloc{}; };
    good.on_signal = [&] { is_good_called.set_value(); };
    shards.ask([&](shard& there) {
        there.loop().add(bad.fd, EPOLLIN, bad);
        there.loop().add(good.fd, EPOLLIN, good);
        bad.signal();
        good.signal();
    });
    is_good_called.get_future().get();
    shards.pass_turns();
    CHECK(internal_errors(shards) == 1);
    CHECK(shards.ask([&](shard& there) {
        there.loop().remove(bad.fd);
        there.loop().remove(good.fd);
        return bad.has_failed && !good.has_failed;
    }));
}

TEST_CASE("shard: an exception in a sweep keeps nobody else from being swept, and the sweep comes again",
          "[exchange]") {
    running_shards shards;
    noting_sweep bad;
    noting_sweep good;
    std::promise<void> is_swept_again;
    int swept_good = 0;
    int swept_bad = 0;
    bad.on_sweep = [&](std::uint64_t) -> bool {
        if (++swept_bad == 1) throw std::bad_alloc{};
        is_swept_again.set_value();
        return false;
    };
    good.on_sweep = [&](std::uint64_t) {
        ++swept_good;
        return false;
    };
    shards.ask([&](shard& there) {
        there.add_swept(bad);
        there.add_swept(good);
        there.wake_sweep();
    });
    is_swept_again.get_future().get();
    shards.ask([&](shard& there) {
        there.remove_swept(bad);
        there.remove_swept(good);
    });
    CHECK(swept_good >= 1);
    CHECK(internal_errors(shards) == 1);
}

TEST_CASE("shard: where many are ready, each may receive a part of what a turn takes in", "[exchange]") {
    running_shards shards;
    std::vector<std::unique_ptr<signalled>> many;
    std::vector<std::size_t> shares;
    shards.ask([&](shard& there) {
        for (int i = 0; i < 64; ++i) {
            auto& made = *many.emplace_back(std::make_unique<signalled>());
            made.on_signal = [&] { shares.push_back(there.receive_share()); };
            there.loop().add(made.fd, EPOLLIN, made);
        }
        // All at once, as the shard looks for them after this.
        for (const auto& each : many) each->signal();
    });
    shards.pass_turns();
    shards.ask([&](shard&) { many[0]->signal(); });
    shards.pass_turns();
    const auto seen = shards.ask([&](shard& there) {
        for (const auto& each : many) there.loop().remove(each->fd);
        return shares;
    });
    REQUIRE(seen.size() == 65);
    CHECK(seen[0] <= (std::size_t{256} << 10) / 64);
    CHECK(seen[0] >= 1'024);
    CHECK(seen[64] > 16 * seen[0]);
}

TEST_CASE("shard: those who were not read because too much was held are the first in the next turn", "[exchange]") {
    running_shards shards;
    std::vector<std::unique_ptr<signalled>> many;
    std::vector<int> order;
    std::promise<void> is_done;
    shards.ask([&](shard& there) {
        for (int i = 0; i < 6; ++i) {
            auto& made = *many.emplace_back(std::make_unique<signalled>());
            made.on_signal = [&, i] {
                if (order.empty())
                    there.at_turn_end([&] {
                        for (const auto& each : many) each->signal();
                    });
                order.push_back(i);
                if (order.size() == 3) there.stop_input();
                if (order.size() == 12) is_done.set_value();
            };
            there.loop().add(made.fd, EPOLLIN, made);
        }
        for (const auto& each : many) each->signal();
    });
    is_done.get_future().wait();
    const auto seen = shards.ask([&](shard& there) {
        for (const auto& each : many) there.loop().remove(each->fd);
        return order;
    });
    CHECK(seen == std::vector<int>{0, 1, 2, 3, 4, 5, 3, 4, 5, 0, 1, 2});
}

TEST_CASE("shard: one JSON text is read at a time", "[exchange]") {
    running_shards shards;
    const bool is_refused = shards.ask([](shard& there) {
        const auto reader = there.reader();
        try {
            const auto second = there.reader();
            return false;
        } catch (const std::logic_error&) {
            return true;
        }
    });
    CHECK(is_refused);
    CHECK_NOTHROW(shards.ask([](shard& there) { const auto again = there.reader(); }));
}

TEST_CASE("shard: mail between shards keeps its order", "[exchange]") {
    running_shards shards{3};
    std::vector<int> seen;
    std::promise<void> is_done;
    constexpr int last = 1'000;
    for (int i = 0; i <= last; ++i) {
        shards[0].post([&seen, &is_done, i](shard& there) {
            there.post_to(2, [&seen, &is_done, i](shard&) {
                seen.push_back(i);
                if (i == last) is_done.set_value();
            });
        });
    }
    is_done.get_future().get();
    CHECK(std::is_sorted(seen.begin(), seen.end()));
    CHECK(seen.size() == last + 1);
}

TEST_CASE("shard: has_mail says what was posted and not run, and it is run before what reads on", "[exchange]") {
    running_shards shards{2};
    std::atomic<bool> is_posted = false;
    std::promise<std::vector<std::string>> told;
    std::vector<std::string> order;
    shards[0].post([&](shard& there) {
        shards[1].post([&](shard&) {
            shards[0].post([&](shard&) { order.push_back("mail"); });
            is_posted = true;
        });
        while (!is_posted) std::this_thread::yield();
        order.push_back(there.has_mail() ? "has mail" : "has none");
        const auto runs = there.mail_runs();
        there.post([&, runs](shard& again) {
            order.push_back(again.mail_runs() > runs ? "later" : "at once");
            told.set_value(order);
        });
    });
    CHECK(told.get_future().get() == std::vector<std::string>{"has mail", "mail", "later"});
}

TEST_CASE("shard: what came too late to be run is destroyed when all shards have ended", "[exchange]") {
    exchange_settings settings{"home", 2};
    directory users;
    std::vector<shard*> all(2);
    std::vector<std::unique_ptr<shard>> shards;
    for (unsigned i = 0; i < 2; ++i) {
        shards.push_back(std::make_unique<shard>(i, settings, users, all));
        all[i] = shards[i].get();
    }
    auto what = std::make_shared<int>(0);
    shards[0]->start();
    // The second shard has ended already when this is posted to it.
    shards[0]->post([what](shard& there) { there.post_to(1, [what](shard&) { ++*what; }); });
    std::promise<void> is_posted;
    shards[0]->post([&](shard& there) { there.at_turn_end([&] { is_posted.set_value(); }); });
    is_posted.get_future().get();
    shards[1]->start();
    shards[1]->stop();
    shards[1]->join();
    CHECK(*what == 1);
    shards[0]->post([what](shard& there) { there.post_to(1, [what](shard&) { ++*what; }); });
    end_all(shards);
    CHECK(*what == 1);
    CHECK(what.use_count() == 1);
}

TEST_CASE("shard: without memory for the replies that it owes, mail is run later", "[exchange]") {
    running_shards shards{2};
    std::optional<failing_allocation> failing;
    std::atomic<int> replies = 0;
    constexpr int pieces = 100;
    signalled relief;
    relief.on_signal = [&] { failing.reset(); };
    shards.ask(1, [&](shard& there) {
        there.loop().add(relief.fd, EPOLLIN, relief);
        there.at_turn_end([&] { failing.emplace(1, 1'000'000'000); });
    });
    std::promise<void> is_done;
    for (int i = 0; i < pieces; ++i)
        shards[1].post([&](shard& there) {
            there.post_reply(0, [&](shard&) {
                if (++replies == pieces) is_done.set_value();
            });
        });
    relief.signal();
    is_done.get_future().get();
    CHECK(replies == pieces);
    shards.ask(1, [&](shard& there) { there.loop().remove(relief.fd); });
}

TEST_CASE("shard: mail that had to wait for memory is still mail, and is run before later mail", "[exchange]") {
    running_shards shards{2};
    std::optional<failing_allocation> failing;
    constexpr int pieces = 100;
    std::vector<int> order;
    order.reserve(pieces + 1);
    std::promise<void> is_done;
    bool was_left = false, was_mail = false;
    std::uint64_t runs_before = 0, runs_after = 0;
    shard* tested = nullptr;
    signalled relief;
    relief.on_signal = [&] {
        failing.reset();
        was_left = order.size() < pieces;
        was_mail = tested->has_mail();
        runs_before = tested->mail_runs();
        tested->post([&](shard& there) {
            order.push_back(pieces);
            runs_after = there.mail_runs();
            is_done.set_value();
        });
    };
    shards.ask(1, [&](shard& there) {
        tested = &there;
        there.loop().add(relief.fd, EPOLLIN, relief);
        there.at_turn_end([&] { failing.emplace(1, 1'000'000'000); });
    });
    for (int i = 0; i < pieces; ++i) shards[1].post([&order, i](shard&) { order.push_back(i); });
    relief.signal();
    is_done.get_future().get();
    CHECK((!was_left || was_mail));
    CHECK(runs_after == runs_before);  // that run of the mail was still going on
    std::vector<int> expected(pieces + 1);
    std::iota(expected.begin(), expected.end(), 0);
    CHECK(order == expected);
    shards.ask(1, [&](shard& there) { there.loop().remove(relief.fd); });
}

}  // namespace bester::exchange
