#include "storage/authenticator.hpp"
#include "account_fixture.hpp"
#include "failing_allocation.hpp"

#include <sys/stat.h>
#include <atomic>
#include <fstream>
#include <future>
#include <thread>

using namespace bester::storage;
using namespace std::chrono_literals;

namespace {

constexpr auto patience = 30s;

template <class Result>
Result result_of(std::future<Result> future) {
    if (future.wait_for(patience) != std::future_status::ready) throw std::runtime_error("no answer came");
    return future.get();
}

/// Holds one worker in a callback for as long as it lives, or until release().
class held_worker {
public:
    explicit held_worker(authenticator& held) {
        held.verify_async("nobody", "at all", [this](verdict) {
            held_.set_value();
            release_.get_future().wait();
        });
        held_.get_future().wait();
    }
    ~held_worker() { release(); }
    void release() {
        if (!std::exchange(is_released_, true)) release_.set_value();
    }

private:
    std::promise<void> held_;
    std::promise<void> release_;
    bool is_released_ = false;
};

struct fixture {
    temporary_directory directory;
    std::string path = directory.file("accounts.db");
    accounts users = open_accounts(path);
    std::atomic<authenticator::clock::time_point> time{authenticator::clock::time_point{1h}};
    authenticator_settings settings = [] {
        authenticator_settings result;
        result.worker_threads = 1;
        result.max_waiting = 3;
        result.memory.remember_for = 10min;
        return result;
    }();
    std::unique_ptr<authenticator> tested = make();

    std::unique_ptr<authenticator> make() {
        return std::make_unique<authenticator>(users, settings, [this] { return time.load(); });
    }
    void pass(authenticator::clock::duration duration) { time = time.load() + duration; }

    std::future<verdict> verify_later(std::string_view user, std::string_view password) {
        auto promise = std::make_shared<std::promise<verdict>>();
        tested->verify_async(user, password, [promise](verdict result) { promise->set_value(result); });
        return promise->get_future();
    }
    verdict verify(std::string_view user, std::string_view password) { return result_of(verify_later(user, password)); }

    password_change change(std::string_view user, std::string_view old_password, std::string_view new_password) {
        auto promise = std::make_shared<std::promise<password_change>>();
        tested->change_password_async(user, old_password, new_password,
                                      [promise](password_change result) { promise->set_value(result); });
        return result_of(promise->get_future());
    }
    /// Makes every stored hash useless, so that only what is remembered can be accepted.
    void spoil_hashes() { foreign_connection(path).execute("UPDATE users SET hash = 'nonsense'"); }
};

}  // namespace

TEST_CASE_METHOD(fixture, "authenticator: accepts the right password, and remembers it", "[authenticator]") {
    REQUIRE(users.add("tina", "secret"));
    CHECK_FALSE(tested->remembered("tina", "secret"));
    CHECK(verify("tina", "wrong") == verdict::rejected);
    CHECK(verify("gustav", "secret") == verdict::rejected);
    CHECK(verify("tina", "") == verdict::rejected);
    CHECK(verify("tina", std::string(5000, 'x')) == verdict::rejected);
    CHECK_FALSE(tested->remembered("tina", "wrong"));
    CHECK(verify("tina", "secret") == verdict::accepted);
    CHECK(tested->remembered("tina", "secret"));
    CHECK_FALSE(tested->remembered("tina", "wrong"));
    pass(10min);
    CHECK_FALSE(tested->remembered("tina", "secret"));
}

TEST_CASE_METHOD(fixture, "authenticator: a remembered credential costs no hash", "[authenticator]") {
    REQUIRE(users.add("tina", "secret"));
    REQUIRE(verify("tina", "secret") == verdict::accepted);
    spoil_hashes();
    CHECK(verify("tina", "secret") == verdict::accepted);
    CHECK(verify("tina", "wrong") == verdict::unavailable);
}

TEST_CASE_METHOD(fixture, "authenticator: the next broker remembers what this one did", "[authenticator]") {
    for (const char* user : {"tina", "gustav", "ann", "rolf"}) REQUIRE(users.add(user, "secret"));
    settings.remembered_file = path + ".remembered";
    const auto start = [&] {
        tested.reset();
        tested = make();
    };
    start();
    for (const char* user : {"tina", "gustav", "ann", "rolf"}) REQUIRE(verify(user, "secret") == verdict::accepted);
    tested->save_remembered();
    struct stat facts {};
    REQUIRE(::stat(settings.remembered_file.c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777) == 0600);
    SECTION("but not who has another password, or is gone, or of whom it heard after that") {
        REQUIRE(users.set_password("gustav", "new"));
        REQUIRE(users.set_password("ann", "other"));
        REQUIRE(users.set_password("ann", "secret"));  // the same again is another hash
        REQUIRE(users.remove("rolf"));
        start();
        CHECK(tested->remembered("tina", "secret"));
        CHECK_FALSE(tested->remembered("tina", "wrong"));
        for (const char* user : {"gustav", "ann", "rolf"}) CHECK_FALSE(tested->remembered(user, "secret"));
        CHECK(verify("gustav", "secret") == verdict::rejected);
        CHECK(verify("gustav", "new") == verdict::accepted);
        REQUIRE(open_accounts(path).set_password("tina", "new"));
        tested->poll_for_changes();
        CHECK_FALSE(tested->remembered("tina", "secret"));
    }
    SECTION("for as long as this one would have") {
        pass(9min);
        start();
        CHECK(tested->remembered("tina", "secret"));
        pass(1min);
        CHECK_FALSE(tested->remembered("tina", "secret"));
    }
    SECTION("and the one after that, if nothing came in between") {
        start();
        start();
        CHECK(tested->remembered("tina", "secret"));
    }
    SECTION("not from a file that others could read, or that is damaged") {
        const std::string& file = settings.remembered_file;
        SECTION("readable") { REQUIRE(::chmod(file.c_str(), 0640) == 0); }
        SECTION("shorter") { std::filesystem::resize_file(file, std::filesystem::file_size(file) - 1); }
        SECTION("empty") { std::filesystem::resize_file(file, 0); }
        SECTION("changed") { std::fstream{file, std::ios::in | std::ios::out}.seekp(100).put('x').put('y'); }
        SECTION("of another boot") { std::fstream{file, std::ios::in | std::ios::out}.seekp(25).put('z'); }
        SECTION("a link") {
            std::filesystem::rename(file, file + ".real");
            std::filesystem::create_symlink(file + ".real", file);
        }
        start();
        CHECK_FALSE(tested->remembered("tina", "secret"));
        CHECK(verify("tina", "secret") == verdict::accepted);
    }
    SECTION("and nothing is written where nothing has changed") {
        std::filesystem::remove(settings.remembered_file);
        tested->save_remembered();
        CHECK_FALSE(std::filesystem::exists(settings.remembered_file));
        tested->account_changed("tina");
        tested->save_remembered();
        CHECK(std::filesystem::exists(settings.remembered_file));
    }
}

TEST_CASE_METHOD(fixture, "authenticator: a changed account is forgotten at once", "[authenticator]") {
    REQUIRE(users.add("tina", "secret"));
    REQUIRE(verify("tina", "secret") == verdict::accepted);
    SECTION("the user changes the password") {
        CHECK(change("tina", "wrong", "new") == password_change::wrong_password);
        CHECK(tested->remembered("tina", "secret"));
        CHECK(change("tina", "secret", "") == password_change::bad_password);
        CHECK(change("tina", "secret", std::string(1025, 'x')) == password_change::bad_password);
        CHECK(change("tina", "secret", "new") == password_change::changed);
        CHECK_FALSE(tested->remembered("tina", "secret"));
        CHECK(verify("tina", "secret") == verdict::rejected);
        CHECK(verify("tina", "new") == verdict::accepted);
        CHECK_FALSE(tested->poll_for_changes().any());
    }
    SECTION("this process removes the account") {
        REQUIRE(users.remove("tina"));
        tested->account_changed("tina");
        CHECK_FALSE(tested->remembered("tina", "secret"));
        CHECK(verify("tina", "secret") == verdict::rejected);
    }
    SECTION("another process removes the account") {
        REQUIRE(users.add("gustav", "secret"));
        REQUIRE(verify("gustav", "secret") == verdict::accepted);
        REQUIRE(open_accounts(path).remove("tina"));
        const auto changes = tested->poll_for_changes();
        CHECK(changes.removed == std::vector<std::string>{"tina"});
        CHECK_FALSE(tested->remembered("tina", "secret"));
        CHECK(tested->remembered("gustav", "secret"));
    }
    SECTION("another process sets the password") {
        REQUIRE(open_accounts(path).set_password("tina", "new"));
        CHECK(tested->poll_for_changes().changed == std::vector<std::string>{"tina"});
        CHECK_FALSE(tested->remembered("tina", "secret"));
        CHECK(verify("tina", "secret") == verdict::rejected);
    }
    SECTION("the database goes away") {
        std::filesystem::rename(path, path + ".away");
        CHECK_FALSE(tested->poll_for_changes().any());
        CHECK_FALSE(tested->remembered("tina", "secret"));
        CHECK(verify("tina", "secret") == verdict::unavailable);
        CHECK(change("tina", "secret", "new") == password_change::unavailable);
        std::filesystem::rename(path + ".away", path);
        CHECK_FALSE(tested->poll_for_changes().complete);
        CHECK(verify("tina", "secret") == verdict::accepted);
    }
}

TEST_CASE_METHOD(fixture, "authenticator: identical credentials that wait share one place and one answer",
                 "[authenticator]") {
    REQUIRE(users.add("tina", "secret"));
    held_worker worker(*tested);
    std::vector<std::future<verdict>> right;
    std::vector<std::future<verdict>> wrong;
    for (int i = 0; i < 100; ++i) {
        right.push_back(verify_later("tina", "secret"));
        wrong.push_back(verify_later("tina", "wrong"));
    }
    CHECK(tested->waiting() == 2);
    worker.release();
    for (auto& future : right) CHECK(result_of(std::move(future)) == verdict::accepted);
    for (auto& future : wrong) CHECK(result_of(std::move(future)) == verdict::rejected);
}

TEST_CASE_METHOD(fixture, "authenticator: who finds the queue full is told busy at once", "[authenticator]") {
    REQUIRE(users.add("tina", "secret"));
    held_worker worker(*tested);
    std::vector<std::future<verdict>> waiting;
    for (const char* user : {"a", "b", "tina"}) waiting.push_back(verify_later(user, "secret"));
    auto refused = verify_later("c", "secret");
    REQUIRE(refused.wait_for(0s) == std::future_status::ready);
    CHECK(refused.get() == verdict::busy);
    CHECK(change("tina", "secret", "new") == password_change::busy);
    // A twin needs no place of its own.
    waiting.push_back(verify_later("tina", "secret"));
    settings.max_waiting = 4;
    tested->reconfigure(settings);
    waiting.push_back(verify_later("c", "secret"));
    worker.release();
    std::vector<verdict> results;
    for (auto& future : waiting) results.push_back(result_of(std::move(future)));
    CHECK(results == std::vector<verdict>{verdict::rejected, verdict::rejected, verdict::accepted, verdict::accepted,
                                          verdict::rejected});
    CHECK(verify("c", "secret") == verdict::rejected);
}

TEST_CASE_METHOD(fixture, "authenticator: who waited too long is told busy without a hash", "[authenticator]") {
    REQUIRE(users.add("tina", "secret"));
    held_worker worker(*tested);
    auto verified = verify_later("tina", "secret");
    pass(11s);
    worker.release();
    CHECK(result_of(std::move(verified)) == verdict::busy);
    CHECK(verify("tina", "secret") == verdict::accepted);
}

TEST_CASE_METHOD(fixture, "authenticator: at its end the waiting are told busy", "[authenticator]") {
    REQUIRE(users.add("tina", "secret"));
    std::future<verdict> waiting;
    {
        held_worker worker(*tested);
        waiting = verify_later("tina", "secret");
        std::thread ending([this] { tested.reset(); });
        CHECK(result_of(std::move(waiting)) == verdict::busy);
        worker.release();
        ending.join();
    }
}

TEST_CASE_METHOD(fixture, "authenticator: it may end while others ask; each is told once, and later ones are busy",
                 "[authenticator]") {
    constexpr int threads = 4;
    std::atomic<int> asked{0}, told{0}, told_busy{0};
    std::atomic<bool> has_ended{false};
    std::vector<std::thread> asking;
    for (int who = 0; who < threads; ++who)
        asking.emplace_back([&, who] {
            // Some ask when it has ended.
            for (int more = 20; more > 0; more -= has_ended ? 1 : 0) {
                ++asked;
                tested->verify_async(
                    "user" + std::to_string(asked % 3), "secret",
                    [&](verdict result) {
                        ++told;
                        if (result == verdict::busy) ++told_busy;
                    },
                    static_cast<bester::workers::worker_pool::submitter>(who));
                if (who == 0) {
                    ++asked;
                    tested->change_password_async("user0", "secret", "secret", [&](password_change) { ++told; });
                }
            }
        });
    while (told < 50) std::this_thread::yield();
    tested->stop();
    has_ended = true;
    for (std::thread& each : asking) each.join();
    CHECK(told == asked);
    CHECK(told_busy >= threads * 20);
    CHECK(verify("nobody", "at all") == verdict::busy);
}

TEST_CASE_METHOD(fixture, "authenticator: a log-in overtaken by a change of the password is not accepted",
                 "[authenticator]") {
    // Verifications with the old password run all the time, while it is changed; each that comes
    // after the change was acknowledged must be refused.
    settings.worker_threads = 4;
    settings.max_waiting = 1'000;
    tested = make();
    REQUIRE(users.add("tina", "0"));
    for (int round = 0; round < 30; ++round) {
        const auto old_password = std::to_string(round);
        const auto new_password = std::to_string(round + 1);
        std::atomic<bool> is_done{false};
        std::atomic<int> open{0};
        std::thread storm([&] {
            while (!is_done) {
                if (open >= 8) {
                    std::this_thread::yield();
                    continue;
                }
                ++open;
                tested->verify_async("tina", old_password, [&open](verdict) { --open; });
            }
        });
        const auto changed = change("tina", old_password, new_password);
        const bool is_remembered = tested->remembered("tina", old_password);
        const auto late = verify("tina", old_password);
        is_done = true;
        storm.join();
        while (open > 0) std::this_thread::yield();
        REQUIRE(changed == password_change::changed);
        REQUIRE_FALSE(is_remembered);
        REQUIRE(late == verdict::rejected);
        REQUIRE_FALSE(tested->remembered("tina", old_password));
    }
}

TEST_CASE_METHOD(fixture, "authenticator: many threads get their own answers", "[authenticator]") {
    settings.worker_threads = 2;
    settings.max_waiting = 10'000;
    tested = make();
    for (int i = 0; i < 20; ++i) REQUIRE(users.add("user" + std::to_string(i), "secret" + std::to_string(i)));
    std::atomic<int> accepted{0};
    std::atomic<int> rejected{0};
    std::atomic<int> others{0};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread)
        threads.emplace_back([&, thread] {
            for (int i = 0; i < 200; ++i) {
                const auto user = "user" + std::to_string(i % 20);
                const bool is_right = (i + thread) % 2 == 0;
                const auto password = (is_right ? "secret" : "wrong") + std::to_string(i % 20);
                tested->verify_async(user, password, [&, is_right](verdict result) {
                    ++(result == verdict::accepted && is_right    ? accepted
                       : result == verdict::rejected && !is_right ? rejected
                                                                  : others);
                });
                static_cast<void>(tested->remembered(user, password));
                if (i % 50 == 0) static_cast<void>(tested->poll_for_changes());
            }
        });
    for (auto& thread : threads) thread.join();
    // One worker after the other is told to stop only when the queue is empty.
    while (accepted + rejected + others < 800) std::this_thread::yield();
    CHECK(accepted == 400);
    CHECK(rejected == 400);
    CHECK(others == 0);
}

TEST_CASE_METHOD(fixture, "authenticator: a log-in that could not be begun keeps no twin waiting", "[authenticator]") {
    REQUIRE(users.add("tina", "a password that takes memory to be kept"));
    for (std::size_t number = 1;; ++number) {
        std::promise<verdict> first;
        const auto attempt = bester::fail_allocation(number, [&] {
            tested->verify_async("tina", "another password, for which it takes memory too",
                                 [&first](verdict result) { first.set_value(result); });
        });
        CHECK(verify("tina", "another password, for which it takes memory too") == verdict::rejected);
        if (!attempt.has_thrown) first.get_future().get();
        if (!attempt.has_failed) break;
    }
}

TEST_CASE_METHOD(fixture, "authenticator: an exception while a password is verified is told as such",
                 "[authenticator]") {
    REQUIRE(users.add("tina", "right"));
    std::atomic<int> left{0};
    tested = std::make_unique<authenticator>(users, settings, [&] {
        if (left > 0 && --left == 0) throw std::bad_alloc{};
        return time.load();
    });
    // The clock is read first on this thread, then on that of the pool.
    left = 2;
    CHECK(verify("tina", "right") == verdict::unavailable);
    CHECK(verify("tina", "right") == verdict::accepted);
    left = 2;
    CHECK(change("tina", "right", "new") == password_change::unavailable);
    CHECK(change("tina", "right", "new") == password_change::changed);
}
