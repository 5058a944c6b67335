#include "storage/account_file.hpp"

#include "log/log.hpp"
#include "storage/database.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

namespace bester::storage {

namespace {

constexpr std::int64_t schema_version = 1;

// The journal tells other processes what has changed. It is written by triggers, so that a running broker notices every
// change of the table (also one by the sqlite3 shell); a rehash at another cost updates `hash` alone and is no change
// of the account.
constexpr const char* schema = R"sql(
CREATE TABLE users (
  name TEXT PRIMARY KEY NOT NULL,
  hash TEXT NOT NULL,
  created INTEGER NOT NULL,
  changed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE changes (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  user TEXT NOT NULL,
  kind INTEGER NOT NULL
) STRICT;
CREATE TRIGGER user_added AFTER INSERT ON users
  BEGIN INSERT INTO changes (user, kind) VALUES (NEW.name, 1); END;
CREATE TRIGGER user_changed AFTER UPDATE OF changed ON users
  BEGIN INSERT INTO changes (user, kind) VALUES (NEW.name, 2); END;
CREATE TRIGGER user_renamed AFTER UPDATE OF name ON users WHEN OLD.name <> NEW.name
  BEGIN INSERT INTO changes (user, kind) VALUES (OLD.name, 3), (NEW.name, 1); END;
CREATE TRIGGER user_removed AFTER DELETE ON users
  BEGIN INSERT INTO changes (user, kind) VALUES (OLD.name, 3); END;
CREATE TRIGGER journal_trimmed AFTER INSERT ON changes
  BEGIN DELETE FROM changes WHERE sequence <= NEW.sequence - 10000; END;
PRAGMA application_id = 1651733618;
PRAGMA user_version = 1;
)sql";
static_assert(journal_size == 10'000, "stands in the trigger journal_trimmed");
constexpr std::int64_t application_id = 1'651'733'618;  // "bstr"

std::optional<std::int64_t> number(database& database, const char* sql) {
    statement query(database, sql);
    if (query.step() != statement::outcome::row) return std::nullopt;
    return query.integer(0);
}

account_error refused(const std::string& path, std::string_view why) {
    return {account_error_code::database_unavailable, "account database " + path + ": " + std::string(why)};
}

account_result<void> prepare_schema(database& database, const std::string& path) {
    const auto fail = [&] { return tl::unexpected(unavailable(database, path)); };
    auto version = number(database, "PRAGMA user_version");
    if (!version) return fail();
    if (*version == 0) {
        // Two processes may find it empty; the lock decides who fills it.
        write_transaction transaction(database);
        if (!transaction.has_begun()) return fail();
        version = number(database, "PRAGMA user_version");
        const auto tables = number(database, "SELECT count(*) FROM sqlite_master");
        if (!version || !tables) return fail();
        if (*version == 0) {
            if (*tables != 0) return tl::unexpected(refused(path, "belongs to another program; name another file"));
            if (!database.execute(schema) || !transaction.commit()) return fail();
            version = schema_version;
        }
    }
    const auto id = number(database, "PRAGMA application_id");
    if (!id) return fail();
    if (*id != application_id) return tl::unexpected(refused(path, "belongs to another program; name another file"));
    if (*version != schema_version)
        return tl::unexpected(refused(path, "was made by a newer bester (schema " + std::to_string(*version) +
                                                ", this one knows " + std::to_string(schema_version) +
                                                "); upgrade this one"));
    return {};
}

}  // namespace

file_identity identify_file(const std::string& path) noexcept {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return {};
    return {status.st_dev, status.st_ino};
}

account_error unavailable(const database& database, const std::string& path) {
    return refused(path, database.last_error());
}

account_result<void> make_account_directory(const std::string& path) {
    const auto directory = std::filesystem::path(path).parent_path();
    std::error_code error;
    std::filesystem::create_directories(directory.parent_path(), error);
    if (!error && (::mkdir(directory.c_str(), S_IRWXU) == 0 || errno == EEXIST)) return {};
    const std::string why = error ? error.message() : std::strerror(errno);
    return tl::unexpected(refused(path, "its directory cannot be made: " + why));
}

account_result<void> create_account_file(const std::string& path) {
    const int fd = ::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0) {
        if (errno == EEXIST) return {};
        return tl::unexpected(refused(path, std::string("cannot be created: ") + std::strerror(errno)));
    }
    struct stat directory {};
    const auto parent = std::filesystem::path(path).parent_path();
    if (::geteuid() == 0 && ::stat(parent.empty() ? "." : parent.c_str(), &directory) == 0 && directory.st_uid != 0 &&
        ::fchown(fd, directory.st_uid, directory.st_gid) != 0)
        log::warning("account database {}: cannot be given to the owner of its directory: {}", path,
                     std::strerror(errno));
    ::close(fd);
    return {};
}

account_result<void> open_account_file(database& database, const std::string& path,
                                       std::chrono::milliseconds busy_timeout) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return tl::unexpected(refused(path, std::strerror(errno)));
    if (!S_ISREG(status.st_mode)) return tl::unexpected(refused(path, "is not a regular file"));
    if (!database.open(path, busy_timeout)) return tl::unexpected(unavailable(database, path));
    const auto fail = [&](account_error error) {
        database.close();
        return tl::unexpected(std::move(error));
    };
    if (database.is_read_only())
        return fail(refused(path, "not writable by this user; check the owner of the file and of its directory"));
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        log::warning("account database {}: others than its owner may use it; chmod 600 it", path);
    if (!database.execute("PRAGMA journal_mode = WAL")) return fail(unavailable(database, path));
    if (auto prepared = prepare_schema(database, path); !prepared) return fail(std::move(prepared.error()));
    return {};
}

}  // namespace bester::storage
