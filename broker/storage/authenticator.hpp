#pragma once

#include "storage/accounts.hpp"
#include "storage/credential_memory.hpp"
#include "workers/worker_pool.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>

namespace bester::storage {

/// The answer to a log-in.
enum class verdict {
    accepted,
    rejected,     ///< no such user, or a wrong password; the two are not distinguished
    busy,         ///< too many log-ins wait, or it waited too long, or the broker stops: try again
    unavailable,  ///< the database or the memory for a hash is missing; the log says why
};
std::ostream& operator<<(std::ostream& out, verdict verdict);

/// The answer to a change of a password.
enum class password_change {
    changed,
    wrong_password,  ///< the old password is wrong
    bad_password,    ///< the new one is empty or too long
    busy,
    unavailable,
};
std::ostream& operator<<(std::ostream& out, password_change change);

struct authenticator_settings {
    unsigned worker_threads = 2;      ///< hashes computed at once, each with its memory
    std::size_t max_waiting = 1'000;  ///< different credentials; then `busy`
    std::chrono::steady_clock::duration max_wait = std::chrono::seconds{10};  ///< then nobody needs the answer
    credential_memory_settings memory;
    std::string remembered_file;  ///< where it is kept for the next broker (remembered_file.hpp); empty: nowhere
};

/// Verifies credentials off the shards: recently verified ones from memory, the others by a pool of worker threads.
/// Owns the threads; `accounts` must outlive it.
///
/// Any thread may call anything (also a shard's: nothing but the destructor waits for a hash or
/// the disk). Callbacks are called exactly once, on a worker thread, or, with `busy` only, on one that is in a call of
/// the same function or in the destructor; they post to the shard and return, and must not throw. Passwords are copied,
/// and zeroed after use.
class authenticator {
public:
    using clock = std::chrono::steady_clock;
    using verdict_callback = std::function<void(verdict)>;
    using change_callback = std::function<void(password_change)>;

    explicit authenticator(accounts& accounts, authenticator_settings settings = {},
                           std::function<clock::time_point()> now = clock::now);
    /// Finishes the hashes that are being computed; waiting log-ins get `busy`.
    ~authenticator();
    authenticator(const authenticator&) = delete;
    authenticator& operator=(const authenticator&) = delete;

    /// Returns whether this credential was verified lately (about a microsecond). False means nothing: call
    /// verify_async.
    bool remembered(std::string_view user, std::string_view password) const;
    /// Ends the threads, as the destructor does; later log-ins are `busy`. One thread calls it.
    void stop();
    /// Verifies credentials. Identical ones that wait share one hash. Clients, distinguished by `from`, take turns.
    void verify_async(std::string_view user, std::string_view password, verdict_callback callback,
                      workers::worker_pool::submitter from = 0);
    /// Forgets the old password before it calls back.
    void change_password_async(std::string_view user, std::string_view old_password, std::string_view new_password,
                               change_callback callback, workers::worker_pool::submitter from = 0);

    /// Must be called after this process changed or removed an account through `accounts`.
    void account_changed(std::string_view user);
    /// To be called every second (on the control thread; it reads a few rows): notices changes of accounts by other
    /// processes, forgets their credentials, and returns the changes, so that the broker can disconnect users. If the
    /// database cannot be read, everything is forgotten.
    account_changes poll_for_changes();

    /// Keeps what is remembered for the next broker, if that is wanted and something has changed since the last time.
    /// On the control thread; blocks for the file.
    void save_remembered();

    /// Applies `max_waiting`, `max_wait` and `memory.remember_for`; the rest needs a restart.
    void reconfigure(const authenticator_settings& settings);
    /// Returns how many different verifications and password changes wait for a worker.
    std::size_t waiting() const;
    /// Returns how long one that came now would wait for its end, if the hashes took as long as the last ones.
    std::chrono::milliseconds expected_wait() const;

private:
    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace bester::storage
