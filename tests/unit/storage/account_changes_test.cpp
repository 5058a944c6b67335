#include "account_fixture.hpp"

using namespace bester::storage;

namespace {

using names = std::vector<std::string>;

struct fixture {
    temporary_directory directory;
    std::string path = directory.file("accounts.db");
    accounts broker = open_accounts(path);
    accounts other = open_accounts(path);
};

}  // namespace

TEST_CASE_METHOD(fixture, "account changes: what others did is told once, by user", "[accounts]") {
    REQUIRE(other.add("tina", "secret"));
    REQUIRE(other.add("gustav", "secret"));
    auto changes = broker.changes_by_others().value();
    CHECK(changes.complete);
    CHECK(changes.added == names{"gustav", "tina"});
    CHECK(changes.changed.empty());
    CHECK_FALSE(broker.changes_by_others()->any());

    REQUIRE(other.set_password("tina", "other"));
    REQUIRE(other.remove("gustav"));
    changes = broker.changes_by_others().value();
    CHECK(changes.added.empty());
    CHECK(changes.changed == names{"tina"});
    CHECK(changes.removed == names{"gustav"});
    CHECK_FALSE(broker.changes_by_others()->any());
}

TEST_CASE_METHOD(fixture, "account changes: of several to one user the gravest is told", "[accounts]") {
    REQUIRE(other.add("tina", "secret"));
    REQUIRE(broker.changes_by_others()->any());
    REQUIRE(other.remove("tina"));
    REQUIRE(other.add("tina", "secret"));
    REQUIRE(other.set_password("tina", "other"));
    const auto changes = broker.changes_by_others().value();
    CHECK(changes.removed == names{"tina"});
    CHECK(changes.added.empty());
    CHECK(changes.changed.empty());
}

TEST_CASE_METHOD(fixture, "account changes: our own are not told, also when mixed with those of others", "[accounts]") {
    REQUIRE(broker.add("tina", "secret"));
    CHECK_FALSE(broker.changes_by_others()->any());
    REQUIRE(broker.set_password("tina", "second"));
    REQUIRE(other.add("gustav", "secret"));
    REQUIRE(broker.set_password("tina", "third"));
    // These change no row: what stands last in the journal is the other's.
    REQUIRE(other.set_password("gustav", "second"));
    REQUIRE_FALSE(broker.remove("nobody"));
    REQUIRE_FALSE(broker.add("gustav", "secret"));
    auto changes = broker.changes_by_others().value();
    CHECK(changes.changed == names{"gustav"});
    CHECK(changes.added.empty());
    CHECK(changes.removed.empty());

    REQUIRE(other.remove("gustav"));
    REQUIRE(broker.remove("tina"));
    changes = broker.changes_by_others().value();
    CHECK(changes.removed == names{"gustav"});
}

TEST_CASE_METHOD(fixture, "account changes: a hash renewed at another cost is no change", "[accounts]") {
    REQUIRE(other.add("tina", "secret"));
    REQUIRE(broker.changes_by_others()->any());
    other.set_cost({2, 8192});
    REQUIRE(other.verify("tina", "secret").value());
    CHECK_FALSE(broker.changes_by_others()->any());
}

TEST_CASE_METHOD(fixture, "account changes: changes made with the sqlite3 shell are told too", "[accounts]") {
    REQUIRE(other.add("tina", "secret"));
    REQUIRE(other.add("gustav", "secret"));
    REQUIRE(broker.changes_by_others()->any());
    foreign_connection(path).execute("DELETE FROM users WHERE name = 'tina'");
    CHECK(broker.changes_by_others()->removed == names{"tina"});
    foreign_connection(path).execute("UPDATE users SET name = 'georg' WHERE name = 'gustav'");
    const auto changes = broker.changes_by_others().value();
    CHECK(changes.removed == names{"gustav"});
    CHECK(changes.added == names{"georg"});
}

TEST_CASE_METHOD(fixture, "account changes: the data version tells that another process wrote", "[accounts]") {
    const auto before = broker.data_version().value();
    REQUIRE(broker.add("tina", "secret"));
    CHECK(broker.data_version().value() == before);
    REQUIRE(other.add("gustav", "secret"));
    CHECK(broker.data_version().value() != before);
}

TEST_CASE_METHOD(fixture, "account changes: more than the journal keeps are told as incomplete", "[accounts]") {
    REQUIRE(other.add("tina", "secret"));
    REQUIRE(broker.changes_by_others()->any());
    foreign_connection shell(path);
    shell.execute(
        "BEGIN; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10001) "
        "INSERT INTO users SELECT 'user' || i, 'x', 0, 0 FROM n; COMMIT");
    const auto changes = broker.changes_by_others().value();
    CHECK_FALSE(changes.complete);
    CHECK(changes.any());
    CHECK(shell.value("SELECT count(*) FROM changes") == "10000");
    REQUIRE(other.remove("tina"));
    CHECK(broker.changes_by_others()->removed == names{"tina"});
}

TEST_CASE_METHOD(fixture, "account changes: a file put in place of ours is noticed and used", "[accounts]") {
    REQUIRE(broker.add("tina", "old"));
    const auto backup = directory.file("backup.db");
    {
        auto restored = open_accounts(backup);
        REQUIRE(restored.add("tina", "restored"));
    }
    for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(path + suffix);
    std::filesystem::rename(backup, path);
    CHECK_FALSE(broker.changes_by_others()->complete);
    CHECK(broker.verify("tina", "restored").value());
    CHECK_FALSE(broker.verify("tina", "old").value());
    CHECK_FALSE(broker.changes_by_others()->any());
}

TEST_CASE_METHOD(fixture, "account changes: a file that is gone lets nobody in until it is back", "[accounts]") {
    REQUIRE(broker.add("tina", "secret"));
    std::filesystem::rename(path, path + ".away");
    const auto gone = broker.changes_by_others();
    REQUIRE_FALSE(gone);
    CHECK(gone.error().code == account_error_code::database_unavailable);
    CHECK(broker.verify("tina", "secret").error().code == account_error_code::database_unavailable);
    std::filesystem::rename(path + ".away", path);
    CHECK_FALSE(broker.changes_by_others()->complete);
    CHECK(broker.verify("tina", "secret").value());
}
