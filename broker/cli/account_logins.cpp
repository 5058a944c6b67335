#include "cli/account_logins.hpp"

#include <algorithm>
#include <new>
#include <stdexcept>

#include "config/surroundings.hpp"
#include "storage/remembered_file.hpp"

namespace bester::cli {
namespace {

using clients::login_result;

bool needs_accounts(const config::broker_config& settings) {
    return std::any_of(settings.listeners.begin(), settings.listeners.end(), [](const auto& listener) {
        const auto& methods = listener.authentication;
        return std::find(methods.begin(), methods.end(), clients::authentication_method::accounts) != methods.end();
    });
}

login_result as_result(storage::verdict verdict) {
    switch (verdict) {
        case storage::verdict::accepted: return login_result::accepted;
        case storage::verdict::rejected: return login_result::rejected;
        case storage::verdict::busy: return login_result::busy;
        case storage::verdict::unavailable: return login_result::unavailable;
    }
    return login_result::unavailable;
}

login_result as_result(storage::password_change change) {
    switch (change) {
        case storage::password_change::changed: return login_result::accepted;
        case storage::password_change::wrong_password: return login_result::rejected;
        case storage::password_change::bad_password: return login_result::bad_password;
        case storage::password_change::busy: return login_result::busy;
        case storage::password_change::unavailable: return login_result::unavailable;
    }
    return login_result::unavailable;
}

/// Returns where what is remembered is kept for the next broker; empty: it is not.
std::string place_of_remembered(const config::broker_config& settings) {
    const std::string& folder = settings.server.runtime_directory;
    if (!storage::remembered_file::is_in_memory(folder)) return {};
    const std::string file = folder + "/remembered-logins";
    if (needs_accounts(settings) && settings.accounts.remember_restarts && settings.accounts.remember.count() > 0)
        return file;
    storage::remembered_file{file}.remove();
    return {};
}

}  // namespace

storage::account_settings storage_settings(const config::accounts_settings& settings) {
    storage::account_settings wanted;
    wanted.database = settings.database;
    wanted.makes_directory = settings.database == config::default_account_database(config::probe_surroundings());
    wanted.cost = {settings.argon2_operations, settings.argon2_memory};
    return wanted;
}

account_logins::account_logins(const config::broker_config& settings) {
    settings_.remembered_file = place_of_remembered(settings);
    if (!needs_accounts(settings)) return;
    auto opened = storage::accounts::open(storage_settings(settings.accounts));
    if (!opened) throw std::runtime_error{opened.error().reason};
    accounts_ = std::make_unique<storage::accounts>(std::move(*opened));
    settings_.worker_threads = settings.server.workers;
    settings_.max_wait = settings.limits.authentication_timeout;
    settings_.memory.remember_for = settings.accounts.remember;
    authenticator_ = std::make_unique<storage::authenticator>(*accounts_, settings_);
}

account_logins::~account_logins() = default;

bool account_logins::is_remembered(std::string_view user, std::string_view password) {
    return authenticator_ && authenticator_->remembered(user, password);
}

void account_logins::verify(std::string_view user, std::string_view password, std::uint64_t from,
                            std::function<void(login_result)> done) {
    if (!authenticator_) return done(login_result::unavailable);
    authenticator_->verify_async(
        user, password, [done = std::move(done)](storage::verdict verdict) { done(as_result(verdict)); }, from);
}

std::chrono::milliseconds account_logins::expected_wait() const {
    return authenticator_ ? authenticator_->expected_wait() : std::chrono::milliseconds{0};
}

void account_logins::change_password(std::string_view user, std::string_view old_password,
                                     std::string_view new_password, std::uint64_t from,
                                     std::function<void(login_result)> done) {
    if (!authenticator_) return done(login_result::unavailable);
    authenticator_->change_password_async(
        user, old_password, new_password,
        [done = std::move(done)](storage::password_change change) { done(as_result(change)); }, from);
}

void account_logins::apply(const config::accounts_settings& settings) {
    if (!authenticator_) return;
    accounts_->set_cost({settings.argon2_operations, settings.argon2_memory});
    settings_.memory.remember_for = settings.remember;
    authenticator_->reconfigure(settings_);
}

void account_logins::account_changed(const std::string& user) {
    if (authenticator_) authenticator_->account_changed(user);
}

storage::account_changes account_logins::poll() {
    if (!authenticator_) return {};
    const auto begin = std::chrono::steady_clock::now();
    if (begin >= next_save_) {
        save_remembered();
        // Of a million users it is not worth a second of this thread every ten.
        const auto end = std::chrono::steady_clock::now();
        next_save_ = end + std::max<std::chrono::steady_clock::duration>(std::chrono::seconds{10}, 100 * (end - begin));
    }
    return authenticator_->poll_for_changes();
}

void account_logins::save_remembered() noexcept {
    try {
        authenticator_->save_remembered();
    } catch (const std::bad_alloc&) {
        // The next time; what has changed in the accounts must be seen all the same.
    }
}

std::vector<std::string> account_logins::all_users() {
    std::vector<std::string> names;
    if (!accounts_) return names;
    if (const auto listed = accounts_->list())
        for (const auto& one : *listed) names.push_back(one.name);
    std::sort(names.begin(), names.end());
    return names;
}

void account_logins::stop() {
    // Shards may still ask, so the object stays.
    if (!authenticator_) return;
    save_remembered();
    authenticator_->stop();
}

}  // namespace bester::cli
