#include "storage/accounts.hpp"

#include "log/log.hpp"
#include "storage/account_file.hpp"
#include "storage/account_journal.hpp"
#include "storage/database.hpp"
#include "storage/secret.hpp"
#include "wire/names.hpp"

#include <mutex>
#include <optional>
#include <utility>

namespace bester::storage {

namespace {

using outcome = statement::outcome;

std::int64_t seconds_now() {
    return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

std::chrono::system_clock::time_point time_of(std::int64_t seconds) {
    return std::chrono::system_clock::time_point(std::chrono::seconds(seconds));
}

account_error user_unknown(std::string_view user) {
    return {account_error_code::user_unknown, "there is no user \"" + std::string(user) + "\""};
}

account_error wrong_password() { return {account_error_code::wrong_password, "the old password is not right"}; }

account_result<void> check_user_name(std::string_view user) {
    if (wire::is_user_name(user)) return {};
    return tl::unexpected(account_error{account_error_code::bad_user_name,
                                        "a user name is 1 to 64 letters, digits, '-', '_', '.' or '+'"});
}

account_result<void> check_new_password(std::string_view password) {
    if (is_password(password)) return {};
    return tl::unexpected(account_error{account_error_code::bad_password, password.empty()
                                                                              ? "a password may not be empty"
                                                                              : "a password has at most 1,024 bytes"});
}

account_result<std::string> hash_at(argon2_cost cost, std::string_view password) {
    if (auto hash = hash_password(password, cost)) return *std::move(hash);
    return tl::unexpected(account_error{account_error_code::hashing_failed,
                                        "argon2id needs " + std::to_string(cost.memory >> 10) +
                                            " KiB for a hash and did not get them; lower the configured memory"});
}

}  // namespace

struct accounts::state {
    explicit state(account_settings given) : settings(std::move(given)) {}

    account_settings settings;
    std::mutex mutex;  // guards the members below and settings.cost; never held while hashing
    database file;
    file_identity identity;
    account_journal journal;
    std::string decoy;  // the hash that the password of an unknown user is checked against

    account_error failure() const { return unavailable(file, settings.database); }

    account_result<void> make_file() const {
        if (settings.makes_directory) {
            if (auto made = make_account_directory(settings.database); !made) return made;
        }
        return create_account_file(settings.database);
    }

    account_result<void> open_file() {
        const auto found = identify_file(settings.database);
        if (auto opened = open_account_file(file, settings.database, settings.busy_timeout); !opened) return opened;
        identity = found;
        if (!journal.start(file)) {
            auto error = failure();
            file.close();
            return tl::unexpected(std::move(error));
        }
        return {};
    }

    /// Under the mutex, before each use, since a removed file may be back.
    account_result<void> ensure_open() {
        if (file.is_open()) return {};
        return open_file();
    }

    std::string current_decoy() {
        const std::lock_guard lock(mutex);
        return decoy;
    }

    argon2_cost cost() {
        const std::lock_guard lock(mutex);
        return settings.cost;
    }

    /// Returns the stored hash, or none if there is no such user.
    account_result<std::optional<std::string>> find_hash(std::string_view user) {
        const std::lock_guard lock(mutex);
        if (auto opened = ensure_open(); !opened) return tl::unexpected(std::move(opened.error()));
        statement query(file, "SELECT hash FROM users WHERE name = ?1");
        switch (query.bind(1, user).step()) {
            case outcome::row: return std::string(query.text(0));
            case outcome::done: return std::optional<std::string>{};
            case outcome::failed: break;
        }
        return tl::unexpected(failure());
    }

    /// Runs one writing statement as a transaction; returns how many rows it changed.
    template <class Bind>
    account_result<int> write(std::string_view sql, Bind bind) {
        const std::lock_guard lock(mutex);
        if (auto opened = ensure_open(); !opened) return tl::unexpected(std::move(opened.error()));
        write_transaction transaction(file);
        if (!transaction.has_begun()) return tl::unexpected(failure());
        const auto before = account_journal::last_change(file);
        if (!before) return tl::unexpected(failure());
        int rows = 0;
        {
            statement change(file, sql);
            bind(change);
            if (change.step() != outcome::done) return tl::unexpected(failure());
            rows = file.rows_changed();
        }
        const auto after = account_journal::last_change(file);
        if (!after || !transaction.commit()) return tl::unexpected(failure());
        journal.wrote(*before, *after);
        return rows;
    }

    /// Only if the hash is still `old_hash`, since another process may have set another password meanwhile.
    account_result<bool> replace_hash(std::string_view user, std::string_view old_hash, std::string_view new_hash) {
        return write("UPDATE users SET hash = ?3, changed = ?4 WHERE name = ?1 AND hash = ?2",
                     [&](statement& change) {
                         change.bind(1, user).bind(2, old_hash).bind(3, new_hash).bind(4, seconds_now());
                     })
            .map([](int rows) { return rows == 1; });
    }

    /// Returns the stored hash that this password matches, or none; takes as long if there is no such user.
    account_result<std::optional<std::string>> matching_hash(std::string_view user, std::string_view password) {
        // These are refused whether or not the user exists, so the quick answer reveals nothing.
        if (!wire::is_user_name(user) || !is_password(password)) return std::optional<std::string>{};
        auto found = find_hash(user);
        if (!found) return found;
        const bool is_known = found->has_value();
        const auto hash = is_known ? *std::move(*found) : current_decoy();
        switch (check_password(hash, password)) {
            case hash_check::match: return is_known ? std::optional(hash) : std::nullopt;
            case hash_check::mismatch: return std::optional<std::string>{};
            case hash_check::unusable: break;
        }
        return tl::unexpected(account_error{account_error_code::hashing_failed,
                                            "the password of \"" + std::string(user) +
                                                "\" cannot be checked: not enough memory, or its stored hash is "
                                                "damaged (set the password anew)"});
    }

    /// Renews a hash at another cost; returns the one that is stored then.
    std::string rehash(std::string_view user, std::string_view password, const std::string& old_hash, argon2_cost at) {
        const auto new_hash = hash_at(at, password);
        auto written = new_hash.map([](const std::string&) { return 0; });
        if (new_hash)
            written = write("UPDATE users SET hash = ?3 WHERE name = ?1 AND hash = ?2", [&](statement& change) {
                change.bind(1, user).bind(2, std::string_view(old_hash)).bind(3, std::string_view(*new_hash));
            });
        // The log-in is good in any case; the next one tries again.
        if (!written)
            log::warning("user {}: hash not renewed at the configured cost: {}", user, written.error().reason);
        return written && *written == 1 ? *new_hash : old_hash;
    }
};

accounts::accounts(std::unique_ptr<state> opened) noexcept : state_(std::move(opened)) {}
accounts::accounts(accounts&&) noexcept = default;
accounts& accounts::operator=(accounts&&) noexcept = default;
accounts::~accounts() = default;

account_result<accounts> accounts::open(account_settings settings) {
    initialise_cryptography();
    auto opening = std::make_unique<state>(std::move(settings));
    opening->decoy = dummy_hash(opening->settings.cost);
    if (opening->settings.makes_file) {
        if (auto made = opening->make_file(); !made) return tl::unexpected(std::move(made.error()));
    }
    if (auto opened = opening->open_file(); !opened) return tl::unexpected(std::move(opened.error()));
    return accounts(std::move(opening));
}

account_result<void> accounts::add(std::string_view user, std::string_view password) {
    if (auto checked = check_user_name(user); !checked) return checked;
    if (auto checked = check_new_password(password); !checked) return checked;
    const auto hash = hash_at(state_->cost(), password);
    if (!hash) return tl::unexpected(hash.error());
    const auto rows = state_->write(
        "INSERT INTO users (name, hash, created, changed) VALUES (?1, ?2, ?3, ?3) ON CONFLICT (name) DO NOTHING",
        [&](statement& change) { change.bind(1, user).bind(2, std::string_view(*hash)).bind(3, seconds_now()); });
    if (!rows) return tl::unexpected(rows.error());
    if (*rows == 0)
        return tl::unexpected(
            account_error{account_error_code::user_exists, "there is a user \"" + std::string(user) + "\" already"});
    return {};
}

account_result<void> accounts::set_password(std::string_view user, std::string_view password) {
    if (auto checked = check_user_name(user); !checked) return checked;
    if (auto checked = check_new_password(password); !checked) return checked;
    const auto hash = hash_at(state_->cost(), password);
    if (!hash) return tl::unexpected(hash.error());
    const auto rows = state_->write("UPDATE users SET hash = ?2, changed = ?3 WHERE name = ?1", [&](statement& change) {
        change.bind(1, user).bind(2, std::string_view(*hash)).bind(3, seconds_now());
    });
    if (!rows) return tl::unexpected(rows.error());
    if (*rows == 0) return tl::unexpected(user_unknown(user));
    return {};
}

account_result<void> accounts::change_password(std::string_view user, std::string_view old_password,
                                               std::string_view new_password) {
    if (auto checked = check_new_password(new_password); !checked) return checked;
    // Repeated if the hash changed between check and write, which may have been only a rehash.
    for (int attempt = 0; attempt < 3; ++attempt) {
        const auto old_hash = state_->matching_hash(user, old_password);
        if (!old_hash) return tl::unexpected(old_hash.error());
        if (!*old_hash) return tl::unexpected(wrong_password());
        const auto new_hash = hash_at(state_->cost(), new_password);
        if (!new_hash) return tl::unexpected(new_hash.error());
        const auto replaced = state_->replace_hash(user, **old_hash, *new_hash);
        if (!replaced) return tl::unexpected(replaced.error());
        if (*replaced) return {};
    }
    return tl::unexpected(wrong_password());
}

account_result<void> accounts::remove(std::string_view user) {
    const auto rows =
        state_->write("DELETE FROM users WHERE name = ?1", [&](statement& change) { change.bind(1, user); });
    if (!rows) return tl::unexpected(rows.error());
    if (*rows == 0) return tl::unexpected(user_unknown(user));
    return {};
}

account_result<bool> accounts::contains(std::string_view user) {
    return state_->find_hash(user).map([](const std::optional<std::string>& hash) { return hash.has_value(); });
}

account_result<std::vector<account>> accounts::list() {
    const std::lock_guard lock(state_->mutex);
    if (auto opened = state_->ensure_open(); !opened) return tl::unexpected(std::move(opened.error()));
    std::vector<account> result;
    statement query(state_->file, "SELECT name, created, changed FROM users ORDER BY name");
    auto step = query.step();
    for (; step == outcome::row; step = query.step())
        result.push_back({std::string(query.text(0)), time_of(query.integer(1)), time_of(query.integer(2))});
    if (step == outcome::failed) return tl::unexpected(state_->failure());
    return result;
}

account_result<std::optional<std::string>> accounts::verified_hash(std::string_view user, std::string_view password) {
    auto hash = state_->matching_hash(user, password);
    if (!hash || !*hash) return hash;
    if (const auto cost = state_->cost(); needs_rehash(**hash, cost))
        return std::optional<std::string>{state_->rehash(user, password, **hash, cost)};
    return hash;
}

account_result<bool> accounts::verify(std::string_view user, std::string_view password) {
    return verified_hash(user, password).map([](const auto& hash) { return hash.has_value(); });
}

account_result<void> accounts::for_each_hash(const std::function<void(std::string_view, std::string_view)>& each) {
    const std::lock_guard lock(state_->mutex);
    if (auto opened = state_->ensure_open(); !opened) return opened;
    statement query(state_->file, "SELECT name, hash FROM users");
    auto step = query.step();
    for (; step == outcome::row; step = query.step()) each(query.text(0), query.text(1));
    if (step == outcome::failed) return tl::unexpected(state_->failure());
    return {};
}

account_result<std::int64_t> accounts::data_version() {
    const std::lock_guard lock(state_->mutex);
    if (auto opened = state_->ensure_open(); !opened) return tl::unexpected(std::move(opened.error()));
    if (const auto version = account_journal::data_version(state_->file)) return *version;
    return tl::unexpected(state_->failure());
}

account_result<account_changes> accounts::changes_by_others() {
    const std::unique_lock lock(state_->mutex, std::try_to_lock);
    if (!lock) return account_changes{};
    if (!state_->file.is_open() || identify_file(state_->settings.database) != state_->identity) {
        state_->file.close();
        if (auto opened = state_->open_file(); !opened) return tl::unexpected(std::move(opened.error()));
        account_changes everything;
        everything.complete = false;
        return everything;
    }
    if (auto changes = state_->journal.changes_by_others(state_->file)) return *std::move(changes);
    return tl::unexpected(state_->failure());
}

void accounts::set_cost(argon2_cost cost) {
    const std::lock_guard lock(state_->mutex);
    state_->settings.cost = cost;
    state_->decoy = dummy_hash(cost);
}

}  // namespace bester::storage
