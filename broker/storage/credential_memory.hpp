#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "storage/credential_hasher.hpp"

namespace bester::storage {

/// How long and how many verified credentials are remembered.
struct credential_memory_settings {
    std::chrono::steady_clock::duration remember_for = std::chrono::hours{1};  ///< zero: never
    std::size_t entries = 1'000'000;  ///< one for each user; about 80 bytes each, so 80 MB when full
};

/// Remembers which credentials were verified lately, so that a reconnect storm costs a keyed hash
/// (about a microsecond) per user instead of an argon2id hash (tens of milliseconds).
///
/// Keeps one keyed hash and an expiry per user, never a password. Any thread may call anything:
/// 64 stripes, each under a mutex that is held for a look-up, so a shard's thread may ask too.
/// Memory is bounded: a full stripe drops what has expired, else an arbitrary entry.
/// The clock is the caller's (`now`), and the hasher must outlive it. Reports no errors.
class credential_memory {
public:
    using time_point = std::chrono::steady_clock::time_point;

    /// Proof of the moment a verification began; see remember().
    class ticket {
        friend class credential_memory;
        std::uint64_t generation_ = 0;
    };

    /// One remembered credential, as it can be kept elsewhere.
    struct item {
        std::uint64_t tag = 0;  ///< credential_hasher::user_tag()
        credential_digest digest{};
        std::uint64_t mark = 0;  ///< of the stored hash that it was verified with
        time_point expiry;
    };

    explicit credential_memory(const credential_hasher& hasher, credential_memory_settings settings = {});
    ~credential_memory();
    credential_memory(const credential_memory&) = delete;
    credential_memory& operator=(const credential_memory&) = delete;

    /// Returns whether exactly this credential was verified within `remember_for` and not forgotten.
    bool remembers(std::string_view user, std::string_view password, time_point now) const;

    /// Returns a ticket; must be called before the account is read.
    ticket begin(std::string_view user) const;
    /// Remembers a credential whose verification began with the ticket `begun`. Returns false, and remembers nothing,
    /// if the user (or one in the same stripe) was forgotten since: the verified password may be an old one.
    /// `stored_hash` is the account's.
    bool remember(ticket begun, std::string_view user, std::string_view password, std::string_view stored_hash,
                  time_point now);
    /// Returns all that is remembered now.
    std::vector<item> items(time_point now) const;
    /// Takes what items() of a memory with the same keys returned; nothing is remembered for longer than it would be
    /// now.
    void restore(const item& kept, time_point now);
    /// Returns a number that changes with what is remembered.
    std::uint64_t changes() const noexcept;

    /// To be called after an account has changed; outdates the user's tickets.
    void forget(std::string_view user);
    void forget_all();

    /// Drops the expired entries of one stripe, the next one at each call.
    void sweep(time_point now);
    /// Changes the time for new entries. A longer one does not change existing ones; a shorter one holds for them, too.
    void remember_for(std::chrono::steady_clock::duration duration, time_point now);

    /// Returns the number of entries, including expired ones that were not swept yet.
    std::size_t size() const;
    static constexpr std::size_t stripe_count = 64;

private:
    struct stripe;
    stripe& stripe_of(std::uint64_t tag) const noexcept;

    const credential_hasher& hasher_;
    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace bester::storage
