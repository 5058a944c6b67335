#include <atomic>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "access/login_throttle.hpp"

namespace bester::access {

namespace {

using std::chrono::milliseconds;

const login_throttle::secret key{1, 2, 3};
const address_key nowhere;

address_key address(std::uint64_t number) { return {address_key::family::v4, number}; }

throttle_settings few() {
    throttle_settings settings;
    settings.free_of_user = 3;
    settings.free_of_address = 5;
    settings.first_wait = milliseconds{1'000};
    settings.longest_wait = milliseconds{10'000};
    settings.forget_after = milliseconds{60'000};
    settings.known_for = milliseconds{3'600'000};
    settings.entries = 1'024;
    return settings;
}

/// Tries as often as it is let until the end; how often that was.
int guesses(login_throttle& throttle, const address_key& from, const std::string& user, std::uint64_t begin,
            std::uint64_t end) {
    int count = 0;
    for (std::uint64_t now = begin; now < end;) {
        const auto wait = throttle.wait_for(from, user, now);
        if (wait.count() == 0) {
            throttle.failed(from, user, now);
            ++count;
        }
        now += static_cast<std::uint64_t>(std::max<std::int64_t>(wait.count(), 1));
    }
    return count;
}

}  // namespace

TEST_CASE("login throttle: after the free failures each wait is twice the one before", "[access]") {
    login_throttle throttle{key, few()};
    std::uint64_t now = 1'000;
    for (const int expected : {0, 0, 1'000, 2'000, 4'000, 8'000, 10'000, 10'000}) {
        throttle.failed(nowhere, "tina", now);
        CHECK(throttle.wait_for(nowhere, "tina", now) == milliseconds{expected});
        if (expected == 0) continue;
        CHECK(throttle.wait_for(nowhere, "tina", now + 1) == milliseconds{expected - 1});
        now += static_cast<std::uint64_t>(expected);
        CHECK(throttle.wait_for(nowhere, "tina", now) == milliseconds{0});
    }
    CHECK(throttle.wait_for(nowhere, "rolf", now) == milliseconds{0});
}

TEST_CASE("login throttle: one address waits whoever it tries to be, and its neighbours do not", "[access]") {
    login_throttle throttle{key, few()};
    for (int i = 0; i < 5; ++i) {
        CHECK(throttle.wait_for(address(1), "tina", 0) == milliseconds{0});
        throttle.failed(address(1), "user" + std::to_string(i), 0);
    }
    CHECK(throttle.wait_for(address(1), "tina", 0) == milliseconds{1'000});
    CHECK(throttle.wait_for(address(1), "", 0) == milliseconds{1'000});  // a token, of whom is not known
    CHECK(throttle.wait_for(address(2), "tina", 0) == milliseconds{0});
    CHECK(throttle.wait_for(nowhere, "tina", 0) == milliseconds{0});
}

TEST_CASE("login throttle: failures are forgotten one after the other", "[access]") {
    login_throttle throttle{key, few()};
    for (int i = 0; i < 3; ++i) throttle.failed(nowhere, "tina", 0);
    CHECK(throttle.wait_for(nowhere, "tina", 0).count() > 0);
    // After one minute one of three is forgotten: one more may fail at no cost, the next may not.
    throttle.failed(nowhere, "tina", 120'000);
    CHECK(throttle.wait_for(nowhere, "tina", 120'000).count() == 0);
    throttle.failed(nowhere, "tina", 120'000);
    CHECK(throttle.wait_for(nowhere, "tina", 120'000).count() == 1'000);
    throttle.failed(nowhere, "tina", 10'000'000);
    CHECK(throttle.wait_for(nowhere, "tina", 10'000'000).count() == 0);
}

TEST_CASE("login throttle: who was here lately is not kept out by strangers or neighbours", "[access]") {
    login_throttle throttle{key, few()};
    CHECK(throttle.succeeded(address(1), "tina", 0).count() == 0);
    guesses(throttle, address(9), "tina", 0, 100'000);
    guesses(throttle, address(1), "rolf", 0, 100'000);
    CHECK(throttle.wait_for(address(9), "tina", 100'000).count() > 0);
    CHECK(throttle.wait_for(address(2), "tina", 100'000).count() > 0);
    CHECK(throttle.wait_for(address(1), "rolf", 100'000).count() > 0);
    CHECK(throttle.wait_for(address(1), "tina", 100'000).count() == 0);
    SECTION("for a time") {
        guesses(throttle, address(9), "tina", 3'500'000, 3'600'002);
        CHECK(throttle.wait_for(address(1), "tina", 3'599'999).count() == 0);
        CHECK(throttle.wait_for(address(1), "tina", 3'600'001).count() > 0);
    }
    SECTION("but waits for its own failures, until it succeeds") {
        for (int i = 0; i < 3; ++i) throttle.failed(address(1), "tina", 100'000);
        CHECK(throttle.wait_for(address(1), "tina", 100'000).count() == 1'000);
        CHECK(throttle.succeeded(address(1), "tina", 101'000).count() == 0);
        throttle.failed(address(1), "tina", 101'000);
        CHECK(throttle.wait_for(address(1), "tina", 101'000).count() == 0);
    }
}

TEST_CASE("login throttle: a success does not clear what the address or the user owes", "[access]") {
    login_throttle throttle{key, few()};
    int count = 0;
    for (std::uint64_t now = 0; now < 100'000; now += 10) {
        // Someone with an account of his own logs in before each guess.
        CHECK(throttle.succeeded(address(1), "mallory", now).count() == 0);
        if (throttle.wait_for(address(1), "user" + std::to_string(count), now).count() != 0) continue;
        throttle.failed(address(1), "user" + std::to_string(count), now);
        ++count;
    }
    CHECK(count < 25);
}

TEST_CASE("login throttle: guesses begun together count one after the other", "[access]") {
    login_throttle throttle{key, few()};
    for (int i = 0; i < 1'000; ++i)
        CHECK(throttle.wait_for(address(static_cast<std::uint64_t>(i)), "tina", 0).count() == 0);
    for (int i = 0; i < 999; ++i) throttle.failed(address(static_cast<std::uint64_t>(i)), "tina", 100);
    CHECK(throttle.succeeded(address(999), "tina", 100).count() > 0);
    CHECK(throttle.wait_for(address(999), "tina", 100).count() > 0);  // and is not known there
}

TEST_CASE("login throttle: over an hour a guesser has few guesses, with one address or thousands", "[access]") {
    constexpr std::uint64_t hour = 3'600'000;
    SECTION("one address, one user") {
        login_throttle throttle{key};
        CHECK(guesses(throttle, address(1), "tina", 0, hour) < 30);
    }
    SECTION("thousands of addresses, one user") {
        login_throttle throttle{key};
        int count = 0;
        for (std::uint64_t now = 0; now < hour; now += 100) {
            const auto from = address(now / 100);
            if (throttle.wait_for(from, "tina", now).count() != 0) continue;
            throttle.failed(from, "tina", now);
            ++count;
        }
        CHECK(count < 30);
    }
    SECTION("one address, any user") {
        login_throttle throttle{key};
        int count = 0;
        for (std::uint64_t now = 0; now < hour; now += 10) {
            const std::string user = "user" + std::to_string(now);
            if (throttle.wait_for(address(1), user, now).count() != 0) continue;
            throttle.failed(address(1), user, now);
            ++count;
        }
        CHECK(count < 50);
    }
}

TEST_CASE("login throttle: memory is bounded, and a crowd does not wash a guesser's failures away", "[access]") {
    login_throttle throttle{key, few()};
    CHECK(throttle.size() == 0);
    std::uint64_t now = 1'000;
    for (int i = 0; i < 20; ++i) throttle.failed(nowhere, "tina", now);
    std::mt19937_64 random{7};
    for (int i = 0; i < 100'000; ++i) {
        const std::string user = "u" + std::to_string(random());
        throttle.failed(address(random()), user, now);
        throttle.failed(address(random()), user, now);
        throttle.succeeded(address(random()), "s" + std::to_string(i), now);
    }
    CHECK(throttle.size() == 3 * 1'024);
    CHECK(throttle.wait_for(nowhere, "tina", now).count() == 10'000);
}

TEST_CASE("login throttle: whose failures are forgotten makes room first", "[access]") {
    throttle_settings settings = few();
    settings.entries = 8;  // a single row
    login_throttle throttle{key, settings};
    for (int i = 0; i < 8; ++i)
        for (int times = 0; times < 3 + (i == 4 ? 0 : 1); ++times) throttle.failed(nowhere, "u" + std::to_string(i), 0);
    throttle.failed(nowhere, "new", 1'000);
    CHECK(throttle.wait_for(nowhere, "u4", 0).count() == 0);
    for (const char* user : {"u0", "u3", "u5", "u7"}) CHECK(throttle.wait_for(nowhere, user, 0).count() == 2'000);
}

TEST_CASE("login throttle: other settings count at once and forget nobody", "[access]") {
    login_throttle throttle{key, few()};
    for (int i = 0; i < 4; ++i) throttle.failed(nowhere, "tina", 0);
    throttle_settings settings = few();
    settings.first_wait = milliseconds{3'000};
    throttle.reconfigure(settings);
    CHECK(throttle.wait_for(nowhere, "tina", 0).count() == 6'000);
    settings.entries = 64;
    throttle.reconfigure(settings);
    CHECK(throttle.wait_for(nowhere, "tina", 0).count() == 0);
}

TEST_CASE("login throttle: any thread may call anything", "[access]") {
    login_throttle throttle{key, few()};
    std::atomic<int> allowed{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 5'000; ++i) {
                const std::string user = "user" + std::to_string(i % 50);
                if (throttle.wait_for(address(static_cast<std::uint64_t>(t)), user, 0).count() == 0) ++allowed;
                throttle.failed(address(static_cast<std::uint64_t>(t)), user, 0);
                throttle.succeeded(nowhere, "good" + std::to_string(t), 0);
            }
        });
    for (auto& thread : threads) thread.join();
    CHECK(allowed.load() < 100);
    CHECK(throttle.size() == 58);
}

}  // namespace bester::access
