#include "exchange/mailbox.hpp"

#include <catch2/catch.hpp>

#include <poll.h>

#include <memory>
#include <thread>
#include <vector>

#include "running_shards.hpp"

using namespace bester::exchange;

namespace {

bool is_readable(int fd) {
    pollfd asked{fd, POLLIN, 0};
    return ::poll(&asked, 1, 0) == 1;
}

}  // namespace

TEST_CASE("mailbox: what was posted is taken in order, once", "[exchange]") {
    running_shards shards;  // tasks are called with one
    mailbox box;
    std::vector<int> done;
    CHECK(box.empty());
    CHECK_FALSE(is_readable(box.wake_fd()));
    box.post([&](shard&) { done.push_back(1); });
    std::vector<task> batch;
    batch.emplace_back([&](shard&) { done.push_back(2); });
    batch.emplace_back([&](shard&) { done.push_back(3); });
    box.post(batch);
    CHECK(batch.empty());
    box.post([&](shard&) { done.push_back(4); });
    CHECK_FALSE(box.empty());
    CHECK(is_readable(box.wake_fd()));

    std::vector<task> taken;
    box.acknowledge();
    CHECK_FALSE(is_readable(box.wake_fd()));
    REQUIRE(box.take(taken));
    for (task& each : taken) each(shards[0]);
    CHECK(done == std::vector{1, 2, 3, 4});
    CHECK(box.empty());
    taken.clear();
    CHECK_FALSE(box.take(taken));
}

TEST_CASE("mailbox: it wakes its owner again for what comes after it was emptied", "[exchange]") {
    mailbox box;
    std::vector<task> taken;
    for (int i = 0; i < 3; ++i) {
        box.post([](shard&) {});
        box.post([](shard&) {});
        CHECK(is_readable(box.wake_fd()));
        box.acknowledge();
        REQUIRE(box.take(taken));
        CHECK(taken.size() == 2);
        taken.clear();
        CHECK_FALSE(is_readable(box.wake_fd()));
    }
}

TEST_CASE("mailbox: an empty batch wakes nobody", "[exchange]") {
    mailbox box;
    std::vector<task> batch;
    box.post(batch);
    CHECK(box.empty());
    CHECK_FALSE(is_readable(box.wake_fd()));
}

TEST_CASE("mailbox: nothing is lost or doubled when many post", "[exchange]") {
    running_shards shards;
    mailbox box;
    constexpr int posters = 4;
    constexpr int each_posts = 5'000;
    std::vector<std::vector<int>> seen(posters);
    std::vector<std::thread> threads;
    for (int p = 0; p < posters; ++p) {
        threads.emplace_back([&, p] {
            std::vector<task> batch;
            for (int i = 0; i < each_posts; ++i) {
                if (i % 3 == 0) {
                    batch.emplace_back([&seen, p, i](shard&) { seen[static_cast<std::size_t>(p)].push_back(i); });
                    box.post(batch);
                } else {
                    box.post([&seen, p, i](shard&) { seen[static_cast<std::size_t>(p)].push_back(i); });
                }
            }
        });
    }
    std::vector<task> taken;
    for (int count = 0; count < posters * each_posts;) {
        pollfd waiting{box.wake_fd(), POLLIN, 0};
        REQUIRE(::poll(&waiting, 1, 60'000) == 1);
        box.acknowledge();
        if (!box.take(taken)) continue;
        count += static_cast<int>(taken.size());
        for (task& work : taken) work(shards[0]);
        taken.clear();
    }
    for (auto& thread : threads) thread.join();
    for (const auto& one : seen) {
        CHECK(one.size() == each_posts);
        CHECK(std::is_sorted(one.begin(), one.end()));
    }
}

TEST_CASE("mailbox: tasks that nobody took are destroyed with it", "[exchange]") {
    const auto counted = std::make_shared<int>();
    {
        mailbox box;
        box.post([counted](shard&) {});
        CHECK(counted.use_count() == 2);
    }
    CHECK(counted.use_count() == 1);
}
