#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace bester::storage {

/// One SQLite connection. Blocks for up to the busy timeout, so never on a shard's thread. Not thread-safe: its owner
/// keeps a mutex. Errors are returned; `last_error` describes the last one.
class database {
public:
    /// Makes a closed one, on which everything fails.
    database() noexcept;
    ~database();
    database(database&&) noexcept;
    database& operator=(database&&) noexcept;

    /// Opens an existing file for reading and writing; returns false on failure, see last_error.
    bool open(const std::string& path, std::chrono::milliseconds busy_timeout);
    void close() noexcept;
    bool is_open() const noexcept { return handle_ != nullptr; }
    /// Returns whether the file or its file system is read-only.
    bool is_read_only() const;

    /// Runs statements without results.
    bool execute(const char* sql);
    /// Returns how many rows the last statement inserted, changed or deleted.
    int rows_changed() const;
    /// Returns a text for people, with the remedy if there is one.
    std::string last_error() const;

    sqlite3* handle() const noexcept { return handle_; }

private:
    sqlite3* handle_ = nullptr;
    std::string open_error_;
};

/// One prepared statement; must not outlive its database. Parameters and columns count from 1 and
/// from 0, as SQLite does.
class statement {
public:
    enum class outcome { row, done, failed };

    statement(database& database, std::string_view sql);
    ~statement();
    statement(const statement&) = delete;
    statement& operator=(const statement&) = delete;

    /// `text` must live until the statement has been stepped for the last time.
    statement& bind(int parameter, std::string_view text);
    statement& bind(int parameter, std::int64_t number);
    outcome step();
    /// Valid until the next step.
    std::string_view text(int column) const;
    std::int64_t integer(int column) const;

private:
    sqlite3_stmt* handle_ = nullptr;
};

/// A write transaction: takes the write lock at once (SQLite cannot wait for it later), rolls back
/// unless committed.
class write_transaction {
public:
    explicit write_transaction(database& database);
    ~write_transaction();
    write_transaction(const write_transaction&) = delete;
    write_transaction& operator=(const write_transaction&) = delete;

    bool has_begun() const noexcept { return is_active_; }
    bool commit();

private:
    database& database_;
    bool is_active_;
};

}  // namespace bester::storage
