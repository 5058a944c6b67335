#include "workers/worker_pool.hpp"

#include <catch2/catch.hpp>
#include <future>

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
