#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

#include "access/address_key.hpp"

namespace bester::access {

struct throttle_settings {
    std::uint32_t free_of_user = 5;               ///< failures of one user until waiting begins
    std::uint32_t free_of_address = 20;           ///< failures from one address, which many users may share
    std::chrono::milliseconds first_wait{1'000};  ///< doubles with each further failure
    std::chrono::milliseconds longest_wait{900'000};
    std::chrono::milliseconds forget_after{300'000};  ///< one failure is forgotten after each such time
    std::chrono::milliseconds known_for{7LL * 24 *
                                        3'600'000};  ///< how long a user that logged in from an address is known there
    std::size_t entries = 32'768;                    ///< entries of each of three tables, 16 bytes each

    bool operator==(const throttle_settings&) const = default;
};

/// Slows down guessing: after some failures the next log-in of the same user, or from the same address, has to wait,
/// each time twice as long.
///
///   - A user who has logged in from an address is known there, and waits for failures of this very pair alone: a
///     stranger who guesses at a user's password, or a neighbour behind the same address, keeps nobody out who
///     has been in lately.
///   - A success clears the failures of the pair only; else someone with an account of his own would clear
///     his address between guesses.
///   - Guesses that were begun together count when they end: what ends when waiting has begun is refused, even
///     if the password was right. So a thousand guesses at once are as good as one after the other.
///
/// Memory is bounded. A full row of a table gives up the entry with the fewest failures left, and which row an entry is
/// in depends on a secret: to make the broker forget the failures of one, an attacker has to
/// fail as often with everything that may share its row, in all rows, as they cannot be told apart.
///
/// Any thread may call anything; a call takes well under a microsecond. `now` is of a steady clock, in milliseconds.
/// An empty user, and an address that is none, are not counted.
class login_throttle {
public:
    using secret = std::array<unsigned char, 16>;

    /// `key`: random bytes, new for each start.
    explicit login_throttle(const secret& key, const throttle_settings& settings = {});

    /// Returns how long this log-in has to wait; 0: it may be tried now. A log-in that has to wait is refused without
    /// checking the password, and does not count as a failure.
    std::chrono::milliseconds wait_for(const address_key& address, std::string_view user, std::uint64_t now_ms) const;
    /// Notes that the credentials were wrong.
    void failed(const address_key& address, std::string_view user, std::uint64_t now_ms);
    /// Notes that the credentials were right. A result other than 0 means that they must be refused nevertheless (see
    /// above).
    std::chrono::milliseconds succeeded(const address_key& address, std::string_view user, std::uint64_t now_ms);

    /// Changes the settings; failures and known users stay if `entries` does not change.
    void reconfigure(const throttle_settings& settings);
    /// Returns the number of used entries, for the status.
    std::size_t size() const;

private:
    struct entry {
        std::uint64_t id = 0;               ///< keyed hash; 0: free
        std::uint64_t changed_ms : 44 = 0;  ///< time of the last failure; for pairs, or success
        std::uint64_t failures : 20 = 0;    ///< failures at that time, in parts of `whole`
    };
    static constexpr std::uint64_t whole = 1024;
    /// Rows of a few entries; an entry may only be in the row of its hash. Takes no memory before it is used.
    struct table {
        std::vector<entry> entries;
        std::size_t row_of(std::uint64_t id) const noexcept;
        const entry* find(std::uint64_t id) const noexcept;
    };
    struct keys {
        std::uint64_t address, user, pair;  ///< 0: not counted
    };

    keys keys_of(const address_key& address, std::string_view user) const noexcept;
    std::uint64_t left_of(const entry& of, std::uint64_t now_ms) const noexcept;
    std::uint64_t wait_of(const entry* of, std::uint32_t free, std::uint64_t now_ms) const noexcept;
    std::uint64_t wait_of(const keys& who, std::uint64_t now_ms) const noexcept;
    const entry* known(const keys& who, std::uint64_t now_ms) const noexcept;
    entry& place_for(table& in, std::uint64_t id, std::uint64_t now_ms);
    void count_failure(table& in, std::uint64_t id, std::uint32_t free, std::uint64_t now_ms);

    const secret key_;
    mutable std::mutex mutex_;
    throttle_settings settings_;
    table addresses_, users_, pairs_;
};

}  // namespace bester::access
