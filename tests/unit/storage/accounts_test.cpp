#include "account_fixture.hpp"

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

using namespace bester::storage;

namespace {

struct fixture {
    temporary_directory directory;
    std::string path = directory.file("accounts.db");
    accounts users = open_accounts(path);
};

}  // namespace

TEST_CASE_METHOD(fixture, "accounts: only the right password of a known user is accepted", "[accounts]") {
    REQUIRE(users.add("tina", "secret"));
    CHECK(users.verify("tina", "secret").value());
    CHECK_FALSE(users.verify("tina", "Secret").value());
    CHECK_FALSE(users.verify("tina", "").value());
    CHECK_FALSE(users.verify("tin", "secret").value());
    CHECK_FALSE(users.verify("tina ", "secret").value());
    CHECK_FALSE(users.verify("", "secret").value());
    CHECK_FALSE(users.verify("tina", std::string(1025, 'x')).value());
}

TEST_CASE_METHOD(fixture, "accounts: a password may hold any bytes up to 1 KiB", "[accounts]") {
    const std::string binary("a\0b\xff", 4);
    REQUIRE(users.add("tina", binary));
    CHECK(users.verify("tina", binary).value());
    CHECK_FALSE(users.verify("tina", "a").value());
    const std::string longest(1024, 'x');
    REQUIRE(users.set_password("tina", longest));
    CHECK(users.verify("tina", longest).value());
    CHECK_FALSE(users.verify("tina", std::string(1023, 'x')).value());
}

TEST_CASE_METHOD(fixture, "accounts: an account is not added twice", "[accounts]") {
    REQUIRE(users.add("tina", "first"));
    const auto again = users.add("tina", "second");
    REQUIRE_FALSE(again);
    CHECK(again.error().code == account_error_code::user_exists);
    CHECK(again.error().reason == "there is a user \"tina\" already");
    CHECK(users.verify("tina", "first").value());
}

TEST_CASE_METHOD(fixture, "accounts: names and passwords outside the rules are refused", "[accounts]") {
    for (const std::string& name : {std::string(), std::string(65, 'a'), std::string("a b"), std::string("a@b"),
                                    std::string("a\0b", 3), std::string("\xc3\xa4")}) {
        CAPTURE(name);
        CHECK(users.add(name, "secret").error().code == account_error_code::bad_user_name);
    }
    CHECK(users.add(std::string(64, 'a'), "secret"));
    CHECK(users.add("Az09-_.+", "secret"));
    CHECK(users.add("tina", "").error().code == account_error_code::bad_password);
    CHECK(users.add("tina", std::string(1025, 'x')).error().code == account_error_code::bad_password);
    CHECK(users.list()->size() == 2);
}

TEST_CASE_METHOD(fixture, "accounts: a password set anew replaces the old one", "[accounts]") {
    REQUIRE(users.add("tina", "old"));
    REQUIRE(users.set_password("tina", "new"));
    CHECK(users.verify("tina", "new").value());
    CHECK_FALSE(users.verify("tina", "old").value());
    CHECK(users.set_password("gustav", "new").error().code == account_error_code::user_unknown);
    CHECK(users.set_password("tina", "").error().code == account_error_code::bad_password);
}

TEST_CASE_METHOD(fixture, "accounts: a user changes the password only with the old one", "[accounts]") {
    REQUIRE(users.add("tina", "old"));
    CHECK(users.change_password("tina", "guess", "new").error().code == account_error_code::wrong_password);
    CHECK(users.change_password("gustav", "old", "new").error().code == account_error_code::wrong_password);
    CHECK(users.change_password("tina", "old", "").error().code == account_error_code::bad_password);
    CHECK(users.verify("tina", "old").value());
    REQUIRE(users.change_password("tina", "old", "new"));
    CHECK(users.verify("tina", "new").value());
    CHECK_FALSE(users.verify("tina", "old").value());
}

TEST_CASE_METHOD(fixture, "accounts: a removed account is gone", "[accounts]") {
    REQUIRE(users.add("tina", "secret"));
    CHECK(users.contains("tina").value());
    REQUIRE(users.remove("tina"));
    CHECK_FALSE(users.contains("tina").value());
    CHECK_FALSE(users.verify("tina", "secret").value());
    CHECK(users.remove("tina").error().code == account_error_code::user_unknown);
    CHECK(users.list()->empty());
}

TEST_CASE_METHOD(fixture, "accounts: the list is sorted and tells when passwords were set", "[accounts]") {
    REQUIRE(users.add("tina", "secret"));
    REQUIRE(users.add("gustav", "secret"));
    foreign_connection(path).execute("UPDATE users SET created = 1000, changed = 1000 WHERE name = 'tina'");
    REQUIRE(users.set_password("tina", "other"));
    const auto list = users.list().value();
    REQUIRE(list.size() == 2);
    CHECK(list[0].name == "gustav");
    CHECK(list[1].name == "tina");
    CHECK(list[1].created == std::chrono::system_clock::time_point(std::chrono::seconds(1000)));
    const auto age = std::chrono::system_clock::now() - list[1].changed;
    CHECK(age >= std::chrono::seconds(0));
    CHECK(age < std::chrono::minutes(1));
}

TEST_CASE_METHOD(fixture, "accounts: accounts outlive the process", "[accounts]") {
    REQUIRE(users.add("tina", "secret"));
    auto later = open_accounts(path);
    CHECK(later.verify("tina", "secret").value());
}

TEST_CASE_METHOD(fixture, "accounts: passwords are stored as salted argon2id hashes", "[accounts]") {
    REQUIRE(users.add("tina", "same password"));
    REQUIRE(users.add("gustav", "same password"));
    foreign_connection other(path);
    const auto hash = other.value("SELECT hash FROM users WHERE name = 'tina'");
    CHECK(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
    CHECK(hash != other.value("SELECT hash FROM users WHERE name = 'gustav'"));
    CHECK(other.value("SELECT count(*) FROM users WHERE hash LIKE '%password%'") == "0");
}

TEST_CASE_METHOD(fixture, "accounts: a log-in renews a hash of another cost", "[accounts]") {
    REQUIRE(users.add("tina", "secret"));
    users.set_cost({2, 16384});
    foreign_connection other(path);
    CHECK_FALSE(users.verify("tina", "wrong").value());
    CHECK(other.value("SELECT hash FROM users").starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
    CHECK(users.verify("tina", "secret").value());
    CHECK(other.value("SELECT hash FROM users").starts_with("$argon2id$v=19$m=16,t=2,p=1$"));
    CHECK(users.verify("tina", "secret").value());
    CHECK_FALSE(users.verify("tina", "wrong").value());
}

TEST_CASE("password hash: the decoy of unknown users is a real hash of the real cost", "[accounts]") {
    // A decoy that libsodium could not parse would be answered at once, and tell who exists.
    const argon2_cost cost{2, 32768};
    const auto decoy = dummy_hash(cost);
    CHECK(check_password(decoy, "anything") == hash_check::mismatch);
    CHECK_FALSE(needs_rehash(decoy, cost));
    CHECK(dummy_hash(cost) != decoy);
}

TEST_CASE_METHOD(fixture, "accounts: a damaged hash is an error, not a wrong password", "[accounts]") {
    REQUIRE(users.add("tina", "secret"));
    const std::string damaged = GENERATE("nonsense", "$argon2id$v=19$m=8,t=1,p=1$", "");
    foreign_connection(path).execute("UPDATE users SET hash = '" + damaged + "'");
    const auto verified = users.verify("tina", "secret");
    REQUIRE_FALSE(verified);
    CHECK(verified.error().code == account_error_code::hashing_failed);
    CHECK(verified.error().reason.find("tina") != std::string::npos);
}

TEST_CASE_METHOD(fixture, "accounts: a hash that needs more memory than there can be is an error", "[accounts]") {
    users.set_cost({1, std::size_t{1} << 62});
    CHECK(users.add("tina", "secret").error().code == account_error_code::hashing_failed);
}

TEST_CASE_METHOD(fixture, "accounts: many threads may use it at once", "[accounts]") {
    std::atomic<int> failures{0};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 8; ++thread)
        threads.emplace_back([&, thread] {
            for (int round = 0; round < 10; ++round) {
                const auto user = "user" + std::to_string(thread) + "." + std::to_string(round);
                if (!users.add(user, "first")) ++failures;
                if (!users.verify(user, "first").value_or(false)) ++failures;
                if (!users.set_password(user, "second")) ++failures;
                if (users.verify(user, "first").value_or(true)) ++failures;
                if (!users.list()) ++failures;
                if (round % 2 == 0 && !users.remove(user)) ++failures;
            }
        });
    for (auto& thread : threads) thread.join();
    CHECK(failures == 0);
    CHECK(users.list()->size() == 40);
}

TEST_CASE_METHOD(fixture, "accounts: of many who change one password with the old one, one succeeds", "[accounts]") {
    // Dear enough that all have read the old hash before the first is done with the new one.
    users.set_cost({2, std::size_t{1} << 20});
    REQUIRE(users.add("tina", "old"));
    std::atomic<int> successes{0};
    std::latch start(8);
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 8; ++thread)
        threads.emplace_back([&, thread] {
            start.arrive_and_wait();
            if (users.change_password("tina", "old", "new" + std::to_string(thread))) ++successes;
        });
    for (auto& thread : threads) thread.join();
    CHECK(successes == 1);
}

TEST_CASE_METHOD(fixture, "accounts: renewing a hash never brings back an old password", "[accounts]") {
    // The log-in with the old password renews its hash (a slow one) while another is set (quickly).
    auto other = open_accounts(path);
    users.set_cost({2, std::size_t{1} << 20});
    REQUIRE(other.add("tina", "0"));
    for (int round = 0; round < 10; ++round) {
        const auto old_password = std::to_string(round);
        const auto new_password = std::to_string(round + 1);
        std::latch start(2);
        std::thread logging_in([&] {
            start.arrive_and_wait();
            static_cast<void>(users.verify("tina", old_password));
        });
        start.arrive_and_wait();
        const auto set = other.set_password("tina", new_password);
        logging_in.join();
        CAPTURE(set ? std::string{} : set.error().reason);
        REQUIRE(set);
        REQUIRE(other.verify("tina", new_password).value());
        REQUIRE_FALSE(other.verify("tina", old_password).value());
    }
}
