#include "account_fixture.hpp"

#include <sys/stat.h>
#include <unistd.h>
#include <fstream>

using namespace bester::storage;

namespace {

std::string refusal(const std::string& path) {
    const auto opened = accounts::open(settings_for(path));
    if (opened) return "was opened";
    CHECK(opened.error().code == account_error_code::database_unavailable);
    CHECK(opened.error().reason.find(path) != std::string::npos);
    return opened.error().reason;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// Acts on files as somebody without rights for the time of its life, if the tests run as root.
class unprivileged {
public:
    unprivileged() : was_root_(::geteuid() == 0) {
        if (was_root_ && ::seteuid(65534) != 0) throw std::runtime_error("seteuid failed");
    }
    ~unprivileged() {
        if (was_root_) static_cast<void>(::seteuid(0));
    }
    unprivileged(const unprivileged&) = delete;
    unprivileged& operator=(const unprivileged&) = delete;

private:
    bool was_root_;
};

}  // namespace

TEST_CASE("account file: is made for its owner alone, whatever the umask", "[accounts]") {
    temporary_directory directory;
    const auto path = directory.file("accounts.db");
    const auto umask_before = ::umask(0);
    {
        auto users = open_accounts(path);
        REQUIRE(users.add("tina", "secret"));
        for (const char* suffix : {"", "-wal", "-shm"}) {
            CAPTURE(suffix);
            struct stat status {};
            REQUIRE(::stat((path + suffix).c_str(), &status) == 0);
            CHECK((status.st_mode & 0777) == 0600);
        }
    }
    ::umask(umask_before);
}

TEST_CASE("account file: its directory is made only where that is wanted", "[accounts]") {
    temporary_directory directory;
    account_settings settings;
    settings.database = directory.file("deep/state/accounts.db");
    settings.cost = {1, 8'192};
    CHECK(!accounts::open(settings));
    settings.makes_directory = true;
    REQUIRE(accounts::open(settings));
    struct stat status {};
    REQUIRE(::stat(directory.file("deep/state").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0700);
    CHECK(accounts::open(settings));
    SECTION("what cannot be made is told") {
        settings.database = settings.database + "/below/a.db";
        const auto refused = accounts::open(settings);
        REQUIRE(!refused);
        CHECK(refused.error().code == account_error_code::database_unavailable);
        CHECK(refused.error().reason.find("its directory cannot be made") != std::string::npos);
    }
}

TEST_CASE("account file: made by root it belongs to the owner of its directory", "[accounts]") {
    if (::geteuid() != 0) {
        WARN("only root can give files away; nothing to see as another user");
        return;
    }
    temporary_directory directory;
    REQUIRE(::chown(directory.path().c_str(), 65534, 65534) == 0);
    const auto path = directory.file("accounts.db");
    auto users = open_accounts(path);
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK(status.st_uid == 65534);
}

TEST_CASE("account file: uses a write-ahead log, so that readers and writers do not wait", "[accounts]") {
    temporary_directory directory;
    const auto path = directory.file("accounts.db");
    auto users = open_accounts(path);
    CHECK(foreign_connection(path).value("PRAGMA journal_mode") == "wal");
    CHECK(foreign_connection(path).value("PRAGMA user_version") == "1");
}

TEST_CASE("account file: what cannot be an account database is refused with its name and the reason", "[accounts]") {
    temporary_directory directory;
    const auto path = directory.file("accounts.db");
    SECTION("a missing directory") { CHECK(contains(refusal(directory.file("missing/accounts.db")), "No such file")); }
    SECTION("a directory") { CHECK(contains(refusal(directory.path().string()), "not a regular file")); }
    SECTION("another kind of file") {
        std::ofstream(path) << std::string(8192, 'x');
        CHECK(contains(refusal(path), "not an SQLite database"));
    }
    SECTION("another program's database") {
        foreign_connection(path).execute("CREATE TABLE recipes (name TEXT)");
        CHECK(contains(refusal(path), "belongs to another program"));
        CHECK(foreign_connection(path).value("SELECT count(*) FROM sqlite_master") == "1");
    }
    SECTION("another program's database with a version") {
        foreign_connection(path).execute("CREATE TABLE recipes (name TEXT); PRAGMA user_version = 1");
        CHECK(contains(refusal(path), "belongs to another program"));
    }
    SECTION("a newer version's") {
        open_accounts(path);
        foreign_connection(path).execute("PRAGMA user_version = 2");
        CHECK(contains(refusal(path), "newer bester (schema 2, this one knows 1)"));
    }
    SECTION("one that is locked") {
        open_accounts(path);
        foreign_connection other(path);
        other.execute("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; UPDATE users SET changed = 0");
        CHECK(contains(refusal(path), "locked by another process"));
    }
}

TEST_CASE("account file: one that may not be written is refused", "[accounts]") {
    temporary_directory directory;
    const auto path = directory.file("accounts.db");
    { auto users = open_accounts(path); }
    std::filesystem::permissions(directory.path(), std::filesystem::perms{0555});
    std::filesystem::permissions(path, std::filesystem::perms{0444});
    {
        const unprivileged nobody;
        CHECK(contains(refusal(path), "not writable by this user"));
        CHECK(contains(refusal(directory.file("new.db")), "Permission denied"));
    }
    std::filesystem::permissions(directory.path(), std::filesystem::perms{0755});
}

TEST_CASE("account file: damage is found when it is read", "[accounts]") {
    temporary_directory directory;
    const auto path = directory.file("accounts.db");
    {
        auto users = open_accounts(path);
        for (int i = 0; i < 100; ++i) REQUIRE(users.add("user" + std::to_string(i), "secret"));
    }
    auto users = open_accounts(path);
    {
        // All but the first page, which says that this is ours.
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(4096);
        const auto size = std::filesystem::file_size(path);
        REQUIRE(size > 8192);
        file << std::string(size - 4096, '\xaa');
    }
    const auto list = users.list();
    REQUIRE_FALSE(list);
    CHECK(list.error().code == account_error_code::database_unavailable);
    CHECK(contains(list.error().reason, "damaged; restore it"));
    CHECK(users.verify("user1", "secret").error().code == account_error_code::database_unavailable);
    CHECK(users.add("tina", "secret").error().code == account_error_code::database_unavailable);
}

TEST_CASE("account file: a write gives up when another process holds the lock too long", "[accounts]") {
    temporary_directory directory;
    const auto path = directory.file("accounts.db");
    auto users = open_accounts(path);
    REQUIRE(users.add("tina", "secret"));
    foreign_connection other(path);
    other.execute("BEGIN IMMEDIATE");
    const auto added = users.add("gustav", "secret");
    REQUIRE_FALSE(added);
    CHECK(added.error().code == account_error_code::database_unavailable);
    CHECK(contains(added.error().reason, "locked by another process"));
    // Log-ins only read, so they go on; so do those that would renew a hash.
    CHECK(users.verify("tina", "secret").value());
    users.set_cost({2, 8192});
    CHECK(users.verify("tina", "secret").value());
    other.execute("ROLLBACK");
    CHECK(users.add("gustav", "secret"));
}

TEST_CASE("account file: two that find it missing make one database", "[accounts]") {
    temporary_directory directory;
    const auto path = directory.file("accounts.db");
    auto first = open_accounts(path);
    auto second = open_accounts(path);
    REQUIRE(first.add("tina", "secret"));
    REQUIRE(second.verify("tina", "secret").value());
    CHECK(second.add("tina", "secret").error().code == account_error_code::user_exists);
}
