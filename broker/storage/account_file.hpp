#pragma once

#include "storage/account_error.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace bester::storage {

class database;

/// The identity of the file at a path; all zero if there was none.
struct file_identity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;

    bool operator==(const file_identity&) const = default;
};

file_identity identify_file(const std::string& path) noexcept;

/// Makes the file's directory, for its owner only (0700), if there is none, and those above it.
account_result<void> make_account_directory(const std::string& path);

/// Creates the file, empty and for its owner only (0600), if there is none. If root makes it, it belongs to the owner
/// of its directory, so that a broker that runs as that user can use it.
account_result<void> create_account_file(const std::string& path);

/// Opens the file with the settings that every process needs (WAL, busy timeout), and makes the tables if it is empty.
/// Refuses files of other programs and of newer versions of bester.
account_result<void> open_account_file(database& database, const std::string& path,
                                       std::chrono::milliseconds busy_timeout);

/// Returns `database_unavailable`, with the path and SQLite's last error.
account_error unavailable(const database& database, const std::string& path);

/// How many changes the journal keeps; a process that reads it less often must assume that everything has changed.
inline constexpr int journal_size = 10'000;

/// `changes.kind` in the journal.
enum class change_kind : std::int64_t { added = 1, changed = 2, removed = 3 };

}  // namespace bester::storage
