#pragma once

#include "storage/accounts.hpp"

#include <sqlite3.h>
#include <stdlib.h>
#include <catch2/catch.hpp>
#include <filesystem>
#include <ostream>
#include <stdexcept>
#include <string>

namespace bester::storage {

inline std::ostream& operator<<(std::ostream& out, account_error_code code) { return out << to_string(code); }

/// A directory that goes with its content.
class temporary_directory {
public:
    temporary_directory() {
        auto name = (std::filesystem::temp_directory_path() / "bester-storage-XXXXXX").string();
        if (!::mkdtemp(name.data())) throw std::runtime_error("mkdtemp failed");
        path_ = name;
    }
    ~temporary_directory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;

    const std::filesystem::path& path() const noexcept { return path_; }
    std::string file(const char* name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

/// The lowest cost that libsodium allows: a hash in well under a millisecond.
inline constexpr argon2_cost cheap{1, 8192};

inline account_settings settings_for(std::string path) {
    return {std::move(path), cheap, std::chrono::milliseconds{2'000}};
}

inline accounts open_accounts(const std::string& path) {
    auto opened = accounts::open(settings_for(path));
    if (!opened) throw std::runtime_error(opened.error().reason);
    return *std::move(opened);
}

/// What another program does to the file; throws what SQLite says.
class foreign_connection {
public:
    explicit foreign_connection(const std::string& path) {
        if (sqlite3_open(path.c_str(), &handle_) != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(handle_));
        sqlite3_busy_timeout(handle_, 5'000);
    }
    ~foreign_connection() { sqlite3_close(handle_); }
    foreign_connection(const foreign_connection&) = delete;
    foreign_connection& operator=(const foreign_connection&) = delete;

    void execute(const std::string& sql) {
        if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
            throw std::runtime_error(sqlite3_errmsg(handle_));
    }
    /// The first column of the first row.
    std::string value(const std::string& sql) {
        sqlite3_stmt* query = nullptr;
        if (sqlite3_prepare_v2(handle_, sql.c_str(), -1, &query, nullptr) != SQLITE_OK)
            throw std::runtime_error(sqlite3_errmsg(handle_));
        std::string result;
        if (sqlite3_step(query) == SQLITE_ROW) result = reinterpret_cast<const char*>(sqlite3_column_text(query, 0));
        sqlite3_finalize(query);
        return result;
    }

private:
    sqlite3* handle_ = nullptr;
};

}  // namespace bester::storage
