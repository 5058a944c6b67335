#include "workers/worker_pool.hpp"
#include "failing_allocation.hpp"

#include <catch2/catch.hpp>
#include <cstddef>
#include <future>
#include <thread>
#include <vector>

using bester::workers::worker_pool;

TEST_CASE("worker pool: tasks beyond the bound are refused, and taken again when there is room", "[worker_pool]") {
    std::promise<void> go;
    std::promise<void> started;
    std::promise<void> finished;
    auto gate = go.get_future().share();
    worker_pool pool(1, 1);
    REQUIRE(pool.submit([&, gate](worker_pool::turn) {
        started.set_value();
        gate.wait();
    }));
    started.get_future().wait();
    REQUIRE(pool.submit([&](worker_pool::turn) { finished.set_value(); }));
    CHECK(pool.waiting() == 1);
    CHECK_FALSE(pool.submit([](worker_pool::turn) {}));
    pool.max_waiting(2);
    CHECK(pool.submit([](worker_pool::turn) {}));
    go.set_value();
    finished.get_future().wait();
    pool.max_waiting(1'000);
    CHECK(pool.submit([](worker_pool::turn) {}));
}

TEST_CASE("worker pool: the destructor finishes what runs and cancels what waits", "[worker_pool]") {
    std::promise<void> started;
    std::promise<void> cancelled;
    auto was_cancelled = cancelled.get_future().share();
    auto running = worker_pool::turn::cancelled;
    auto waiting = worker_pool::turn::run;
    {
        worker_pool pool(1, 10);
        REQUIRE(pool.submit([&](worker_pool::turn turn) {
            started.set_value();
            was_cancelled.wait();  // so it certainly still runs while the other is cancelled
            running = turn;
        }));
        started.get_future().wait();
        REQUIRE(pool.submit([&](worker_pool::turn turn) {
            waiting = turn;
            cancelled.set_value();
        }));
    }
    CHECK(running == worker_pool::turn::run);
    CHECK(waiting == worker_pool::turn::cancelled);
}

namespace {

using bester::workers::worker_pool;

/// A pool whose only thread waits until it is let go, so that all that is submitted meanwhile waits, too.
struct held_pool {
    std::promise<void> go;
    std::promise<void> started;
    std::vector<int> ran;
    std::vector<int> cancelled;
    worker_pool pool;

    explicit held_pool(std::size_t most) : pool{1, most} {
        REQUIRE(pool.submit([this](worker_pool::turn) {
            started.set_value();
            go.get_future().wait();
        }));
        started.get_future().wait();
    }
    bool submit(int number, worker_pool::submitter from) {
        return pool.submit(
            [this, number](worker_pool::turn turn) {
                (turn == worker_pool::turn::run ? ran : cancelled).push_back(number);
            },
            from);
    }
    void run_all() {
        std::promise<void> last;
        pool.max_waiting(1'000);
        REQUIRE(pool.submit([&](worker_pool::turn) { last.set_value(); }, 99));
        go.set_value();
        last.get_future().wait();
        while (pool.waiting() > 0) std::this_thread::yield();
    }
};

}  // namespace

TEST_CASE("worker pool: submitters take turns, and each one's tasks keep their order", "[worker_pool]") {
    held_pool held{100};
    for (const int number : {11, 12, 13, 14}) REQUIRE(held.submit(number, 1));
    for (const int number : {21, 22}) REQUIRE(held.submit(number, 2));
    REQUIRE(held.submit(31, 3));
    held.run_all();
    CHECK(std::vector(held.ran.begin(), held.ran.begin() + 6) == std::vector{11, 21, 31, 12, 22, 13});
    CHECK(held.cancelled.empty());
}

TEST_CASE("worker pool: who has the most waiting makes room for others", "[worker_pool]") {
    held_pool held{4};
    for (const int number : {11, 12, 13, 14}) REQUIRE(held.submit(number, 1));
    CHECK_FALSE(held.submit(15, 1));
    CHECK(held.submit(21, 2));
    CHECK(held.cancelled == std::vector{14});
    CHECK(held.submit(31, 3));
    CHECK(held.cancelled == std::vector{14, 13});
    // Nobody has two more than the others now.
    CHECK_FALSE(held.submit(22, 2));
    CHECK(held.submit(41, 4));
    CHECK(held.cancelled == std::vector{14, 13, 12});
    CHECK_FALSE(held.submit(51, 5));
    CHECK(held.pool.waiting() == 4);
    held.run_all();
}

TEST_CASE("worker pool: a task that could not be submitted is not there, and nobody gave way to it", "[worker_pool]") {
    const std::size_t most = GENERATE(3u, 100u);
    const worker_pool::submitter from = GENERATE(1u, 2u);  // has a line, and has none
    for (std::size_t number = 1;; ++number) {
        std::promise<void> go;
        std::promise<void> started;
        auto gate = go.get_future().share();
        std::vector<int> called(4, 0);
        bool is_taken = false;
        bester::failed_attempt attempt;
        {
            worker_pool pool(1, most);
            REQUIRE(pool.submit([&, gate](worker_pool::turn) {
                started.set_value();
                gate.wait();
            }));
            started.get_future().wait();
            for (std::size_t i = 0; i < 3; ++i)
                REQUIRE(pool.submit([&called, i](worker_pool::turn) { ++called[i]; }, 1));
            worker_pool::task last = [&called](worker_pool::turn) { ++called[3]; };
            attempt = bester::fail_allocation(number, [&] { is_taken = pool.submit(std::move(last), from); });
            if (attempt.has_thrown) CHECK(pool.waiting() == 3);
            go.set_value();
        }
        CHECK(called == std::vector<int>{1, 1, 1, is_taken ? 1 : 0});
        if (!attempt.has_failed) break;
    }
}
