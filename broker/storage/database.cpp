#include "storage/database.hpp"

#include <sqlite3.h>
#include <utility>

namespace bester::storage {

database::database() noexcept = default;

database::~database() { close(); }

database::database(database&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)), open_error_(std::move(other.open_error_)) {}

database& database::operator=(database&& other) noexcept {
    if (this != &other) {
        close();
        handle_ = std::exchange(other.handle_, nullptr);
        open_error_ = std::move(other.open_error_);
    }
    return *this;
}

bool database::open(const std::string& path, std::chrono::milliseconds busy_timeout) {
    close();
    // Never creates: the owner does, with the permissions that it wants.
    const int result = sqlite3_open_v2(path.c_str(), &handle_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
    if (result != SQLITE_OK) {
        auto error = last_error();
        close();
        open_error_ = std::move(error);
        return false;
    }
    sqlite3_extended_result_codes(handle_, 1);
    sqlite3_busy_timeout(handle_, static_cast<int>(busy_timeout.count()));
    return true;
}

void database::close() noexcept {
    sqlite3_close_v2(std::exchange(handle_, nullptr));
    open_error_ = "it is not open";
}

bool database::is_read_only() const { return handle_ && sqlite3_db_readonly(handle_, "main") == 1; }

bool database::execute(const char* sql) {
    return handle_ && sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
}

int database::rows_changed() const { return handle_ ? sqlite3_changes(handle_) : 0; }

std::string database::last_error() const {
    if (!handle_) return open_error_;
    switch (sqlite3_errcode(handle_) & 0xff) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return "locked by another process for longer than the busy timeout; see who holds it with fuser";
        case SQLITE_CORRUPT: return "damaged; restore it from a backup";
        case SQLITE_NOTADB: return "not an SQLite database";
        case SQLITE_READONLY: return "not writable by this user; check the owner of the file and of its directory";
        case SQLITE_CANTOPEN: return "cannot be opened; check that its directory exists and is writable by this user";
        case SQLITE_FULL: return "the disk is full";
        default: return sqlite3_errmsg(handle_);
    }
}

statement::statement(database& database, std::string_view sql) {
    if (database.is_open())
        sqlite3_prepare_v2(database.handle(), sql.data(), static_cast<int>(sql.size()), &handle_, nullptr);
}

statement::~statement() { sqlite3_finalize(handle_); }

// With the null handle of a failed prepare, SQLite's functions below do nothing or answer MISUSE.
statement& statement::bind(int parameter, std::string_view text) {
    if (handle_) sqlite3_bind_text(handle_, parameter, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
    return *this;
}

statement& statement::bind(int parameter, std::int64_t number) {
    if (handle_) sqlite3_bind_int64(handle_, parameter, number);
    return *this;
}

statement::outcome statement::step() {
    if (!handle_) return outcome::failed;
    switch (sqlite3_step(handle_)) {
        case SQLITE_ROW: return outcome::row;
        case SQLITE_DONE: return outcome::done;
        default: return outcome::failed;
    }
}

std::string_view statement::text(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
    if (!bytes) return {};
    return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

std::int64_t statement::integer(int column) const { return sqlite3_column_int64(handle_, column); }

write_transaction::write_transaction(database& database)
    : database_(database), is_active_(database.execute("BEGIN IMMEDIATE")) {}

write_transaction::~write_transaction() {
    if (is_active_) database_.execute("ROLLBACK");
}

bool write_transaction::commit() {
    if (!database_.execute("COMMIT")) return false;
    is_active_ = false;
    return true;
}

}  // namespace bester::storage
