#include "storage/authenticator.hpp"

#include "log/log.hpp"
#include "storage/credential_hasher.hpp"
#include "storage/remembered_file.hpp"
#include "storage/secret.hpp"
#include "wire/counted.hpp"
#include "workers/worker_pool.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <exception>
#include <mutex>
#include <new>
#include <ostream>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace bester::storage {

namespace {

using turn = workers::worker_pool::turn;

/// One credential, and all callers that wait for its verification.
struct verification {
    std::string user;
    secret password;
    credential_digest digest;
    authenticator::clock::time_point since;
    std::vector<authenticator::verdict_callback> callbacks;  // guarded by the mutex until its turn
};

struct change_request {
    std::string user;
    secret old_password;
    secret new_password;
    authenticator::clock::time_point since;
    authenticator::change_callback callback;
};

/// Logs why hashing or the database failed, but not for each of many log-ins.
class failure_log {
public:
    void failed(const account_error& error, authenticator::clock::time_point now) {
        auto last = last_.load();
        if (has_failed_.exchange(true) && now - last < std::chrono::seconds{10}) return;
        last_ = now;
        log::error("accounts: log-ins cannot be verified: {}: {}", to_string(error.code), error.reason);
    }

private:
    std::atomic<bool> has_failed_{false};
    std::atomic<authenticator::clock::time_point> last_{};
};

// A verification overtaken by a change of the account is repeated; one that is overtaken again and
// again is given up.
constexpr int attempts = 4;

}  // namespace

struct authenticator::state {
    state(storage::accounts& given_accounts, const authenticator_settings& settings,
          std::function<clock::time_point()> given_now)
        : accounts(given_accounts),
          now(std::move(given_now)),
          file(settings.remembered_file),
          keeps(!settings.remembered_file.empty()),
          kept(keeps ? file.load() : std::nullopt),
          hasher(kept ? kept->keys : credential_keys::draw()),
          memory(hasher, settings.memory),
          max_wait(settings.max_wait),
          threads(std::max(1U, settings.worker_threads)),
          pool(settings.worker_threads, settings.max_waiting) {}

    storage::accounts& accounts;
    const std::function<clock::time_point()> now;
    const remembered_file file;
    const bool keeps;
    std::optional<remembered_credentials> kept;  // until restore()
    credential_hasher hasher;
    credential_memory memory;
    std::atomic<clock::duration> max_wait;
    std::atomic<clock::duration> duration{};  // of a verification: a moving average
    const unsigned threads;
    failure_log failures;
    std::atomic<bool> is_readable{true};  // result of the last poll_for_changes
    std::uint64_t saved_changes = 0;      // control thread
    std::mutex mutex;                     // guards `waiting`; never held while something is submitted or hashed
    std::unordered_map<credential_digest, std::shared_ptr<verification>, credential_digest_hash> waiting;
    workers::worker_pool pool;  // the last member, so that its threads, which use all the others, end first

    verdict verify(const verification& wanted) {
        if (now() - wanted.since > max_wait.load()) return verdict::busy;
        const auto password = wanted.password.view();
        for (int attempt = 0; attempt < attempts; ++attempt) {
            const auto ticket = memory.begin(wanted.user);
            // A twin that was running when this one came may have been accepted meanwhile.
            if (memory.remembers(wanted.user, password, now())) return verdict::accepted;
            const auto since = now();
            const auto hash = accounts.verified_hash(wanted.user, password);
            took(now() - since);
            if (!hash) {
                failures.failed(hash.error(), now());
                return verdict::unavailable;
            }
            if (!*hash) return verdict::rejected;
            if (memory.remember(ticket, wanted.user, password, **hash, now())) return verdict::accepted;
        }
        return verdict::busy;
    }

    void took(clock::duration one) noexcept {
        const auto before = duration.load();
        duration = before == clock::duration{} ? one : before + (one - before) / 8;
    }

    /// Takes what the broker before this one remembered, of accounts whose stored hash is still the same.
    void restore() {
        if (!kept) return;
        std::unordered_map<std::uint64_t, credential_memory::item> items;
        for (const auto& item : kept->items) items.emplace(item.tag, item);
        kept.reset();
        const auto read = accounts.for_each_hash([&](std::string_view user, std::string_view hash) {
            const auto found = items.find(hasher.user_tag(user));
            if (found != items.end() && found->second.mark == hasher.mark(hash)) memory.restore(found->second, now());
        });
        if (!read) memory.forget_all();
        log::info("accounts: {} remembered from before the restart", wire::counted(memory.size(), "verified log-in"));
    }

    void save() {
        if (!keeps || saved_changes == memory.changes()) return;
        const auto changes = memory.changes();
        if (file.save({hasher.keys(), memory.items(now())})) saved_changes = changes;
        else log::warning("accounts: what is remembered cannot be kept for a restart: {}", std::strerror(errno));
    }

    void run(const std::shared_ptr<verification>& wanted, turn its_turn) {
        std::vector<verdict_callback> callbacks;
        {
            // From here on a twin is a new verification: it must not get an answer that was
            // computed from what the database said before it came.
            const std::lock_guard lock(mutex);
            waiting.erase(wanted->digest);
            callbacks.swap(wanted->callbacks);
        }
        auto result = verdict::busy;
        if (its_turn == turn::run) {
            try {
                result = verify(*wanted);
            } catch (const std::exception& error) {  // each waiting caller is told
                log::error("accounts: a log-in could not be verified: {}", error.what());
                result = verdict::unavailable;
            }
        }
        wanted->password = secret();
        for (const auto& callback : callbacks) tell(callback, result);
    }

    /// A callback that fails keeps nobody else from being told.
    template <class Callback, class Result>
    static void tell(const Callback& callback, Result result) noexcept {
        try {
            callback(result);
        } catch (const std::exception& error) {
            log::error("accounts: what was found could not be told: {}", error.what());
        }
    }

    password_change try_to_change(const change_request& wanted) noexcept {
        try {
            return change(wanted);
        } catch (const std::exception& error) {
            log::error("accounts: a password could not be changed: {}", error.what());
            return password_change::unavailable;
        }
    }

    password_change change(const change_request& wanted) {
        if (now() - wanted.since > max_wait.load()) return password_change::busy;
        const auto changed =
            accounts.change_password(wanted.user, wanted.old_password.view(), wanted.new_password.view());
        if (changed) {
            memory.forget(wanted.user);
            return password_change::changed;
        }
        switch (changed.error().code) {
            case account_error_code::wrong_password: return password_change::wrong_password;
            case account_error_code::bad_password: return password_change::bad_password;
            default: failures.failed(changed.error(), now()); return password_change::unavailable;
        }
    }
};

authenticator::authenticator(accounts& accounts, authenticator_settings settings,
                             std::function<clock::time_point()> now)
    : state_(std::make_unique<state>(accounts, settings, std::move(now))) {
    state_->restore();
}

authenticator::~authenticator() = default;

void authenticator::stop() { state_->pool.stop(); }

bool authenticator::remembered(std::string_view user, std::string_view password) const {
    return state_->memory.remembers(user, password, state_->now());
}

void authenticator::verify_async(std::string_view user, std::string_view password, verdict_callback callback,
                                 workers::worker_pool::submitter from) {
    // Such a password is never right, so it is not copied; the answer comes like any other.
    if (password.size() > max_password_size) password = {};
    const auto digest = state_->hasher.digest(user, password);
    std::shared_ptr<verification> wanted;
    {
        const std::lock_guard lock(state_->mutex);
        const auto twin = state_->waiting.find(digest);
        if (twin != state_->waiting.end()) {
            twin->second->callbacks.push_back(std::move(callback));
            return;
        }
        // Complete before others can find it, since a caller that waits for one that never runs would wait for ever.
        wanted = std::make_shared<verification>(
            verification{std::string(user), secret(password), digest, state_->now(), {}});
        wanted->callbacks.push_back(std::move(callback));
        state_->waiting.emplace(digest, wanted);
    }
    // Without the mutex, which the cancellation of a replaced one takes.
    bool is_taken = false;
    try {
        is_taken =
            state_->pool.submit([state = state_.get(), wanted](turn its_turn) { state->run(wanted, its_turn); }, from);
    } catch (const std::bad_alloc&) {  // there is no memory either
    }
    if (!is_taken) state_->run(wanted, turn::cancelled);
}

void authenticator::change_password_async(std::string_view user, std::string_view old_password,
                                          std::string_view new_password, change_callback callback,
                                          workers::worker_pool::submitter from) {
    if (!is_password(old_password)) old_password = {};
    if (!is_password(new_password)) new_password = {};
    const auto wanted = std::make_shared<change_request>(change_request{
        std::string(user), secret(old_password), secret(new_password), state_->now(), std::move(callback)});
    const bool is_taken = state_->pool.submit(
        [state = state_.get(), wanted](turn its_turn) {
            state::tell(wanted->callback,
                        its_turn == turn::run ? state->try_to_change(*wanted) : password_change::busy);
        },
        from);
    if (!is_taken) state::tell(wanted->callback, password_change::busy);
}

void authenticator::account_changed(std::string_view user) { state_->memory.forget(user); }

account_changes authenticator::poll_for_changes() {
    state_->memory.sweep(state_->now());
    auto changes = state_->accounts.changes_by_others();
    if (!changes) {
        state_->memory.forget_all();
        if (state_->is_readable.exchange(false))
            log::error("accounts: cannot be read, so nobody can log in: {}", changes.error().reason);
        return {};
    }
    if (!state_->is_readable.exchange(true)) log::info("accounts: can be read again");
    if (!changes->complete) {
        state_->memory.forget_all();
    } else {
        for (const auto* users : {&changes->added, &changes->changed, &changes->removed})
            for (const auto& user : *users) state_->memory.forget(user);
    }
    return *std::move(changes);
}

void authenticator::save_remembered() { state_->save(); }

void authenticator::reconfigure(const authenticator_settings& settings) {
    state_->pool.max_waiting(settings.max_waiting);
    state_->max_wait = settings.max_wait;
    state_->memory.remember_for(settings.memory.remember_for, state_->now());
}

std::size_t authenticator::waiting() const { return state_->pool.waiting(); }

std::chrono::milliseconds authenticator::expected_wait() const {
    const auto turns = state_->pool.waiting() / state_->threads + 1;
    return std::chrono::ceil<std::chrono::milliseconds>(state_->duration.load() * turns);
}

std::ostream& operator<<(std::ostream& out, verdict verdict) {
    switch (verdict) {
        case verdict::accepted: return out << "accepted";
        case verdict::rejected: return out << "rejected";
        case verdict::busy: return out << "busy";
        case verdict::unavailable: return out << "unavailable";
    }
    return out << "unknown";
}

std::ostream& operator<<(std::ostream& out, password_change change) {
    switch (change) {
        case password_change::changed: return out << "changed";
        case password_change::wrong_password: return out << "wrong_password";
        case password_change::bad_password: return out << "bad_password";
        case password_change::busy: return out << "busy";
        case password_change::unavailable: return out << "unavailable";
    }
    return out << "unknown";
}

}  // namespace bester::storage
