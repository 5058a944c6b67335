#pragma once

#include "storage/account_error.hpp"
#include "storage/password_hash.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bester::storage {

/// The place of the accounts and the cost of a log-in.
struct account_settings {
    std::string database;  ///< path of the SQLite file
    argon2_cost cost;
    std::chrono::milliseconds busy_timeout{5'000};  ///< longest wait for another process's write
    bool makes_directory = false;                   ///< for the file (0700), if it is missing
    bool makes_file = true;                         ///< false: a missing file is an error
};

/// One row of the list; the hash never leaves the database.
struct account {
    std::string name;
    std::chrono::system_clock::time_point created;
    std::chrono::system_clock::time_point changed;  ///< when the password was last set
};

/// Changes of the accounts by other processes.
struct account_changes {
    /// False: more changed than the journal keeps, or the file was replaced. Then assume that every
    /// account may have changed, and compare with accounts::list().
    bool complete = true;
    std::vector<std::string> added;
    std::vector<std::string> changed;  ///< users with another password
    std::vector<std::string> removed;  ///< removed users, also if added again since

    bool any() const noexcept { return !complete || !added.empty() || !changed.empty() || !removed.empty(); }
};

/// The users of this server and their passwords: an SQLite file with argon2id hashes.
///
/// Every function blocks, for the disk and mostly for the hash (tens of milliseconds): worker
/// threads and the command line only, never a shard. All may be called from any thread at once;
/// only the database access is serialised, hashes are computed side by side. Several processes may
/// use the same file. Errors: account_error_code, with a reason that names file and remedy.
class accounts {
public:
    /// Opens the file, and creates it (0600) if there is none and the settings say so.
    static account_result<accounts> open(account_settings settings);
    accounts(accounts&&) noexcept;
    accounts& operator=(accounts&&) noexcept;
    ~accounts();

    /// user_exists, bad_user_name, bad_password, …
    account_result<void> add(std::string_view user, std::string_view password);
    /// user_unknown, bad_password, …
    account_result<void> set_password(std::string_view user, std::string_view password);
    /// Changes the password at the user's own request: wrong_password if `old_password` is wrong or the user is
    /// unknown.
    account_result<void> change_password(std::string_view user, std::string_view old_password,
                                         std::string_view new_password);
    /// user_unknown, …
    account_result<void> remove(std::string_view user);
    account_result<bool> contains(std::string_view user);
    /// Calls `each` with the name and the stored hash of every account.
    account_result<void> for_each_hash(const std::function<void(std::string_view, std::string_view)>& each);
    /// Returns all accounts by name.
    account_result<std::vector<account>> list();

    /// Returns whether this is the user's password. An unknown user takes the same time as a wrong password. A hash of
    /// another cost is replaced, since the password is available now.
    account_result<bool> verify(std::string_view user, std::string_view password);
    /// The same: returns the hash that is stored now, or none if it is not the password.
    account_result<std::optional<std::string>> verified_hash(std::string_view user, std::string_view password);

    /// Returns a number that changes after another process has written. Cheap.
    account_result<std::int64_t> data_version();
    /// Returns the changes of others since the last call (or open). Cheap if there are none. Does not wait for other
    /// threads: if one is using the database, returns no changes and reports them at the next call. A file that was
    /// replaced or removed is noticed here, and opened again.
    account_result<account_changes> changes_by_others();

    /// Sets the cost of hashes that are made from now on.
    void set_cost(argon2_cost cost);

private:
    struct state;
    explicit accounts(std::unique_ptr<state> opened) noexcept;
    std::unique_ptr<state> state_;
};

}  // namespace bester::storage
