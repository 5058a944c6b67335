#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/session_id.hpp"
#include "exchange/string_map.hpp"

namespace bester::exchange {

/// The sessions of each user, over all shards. Shared by all shards: divided into stripes, each with a
/// lock that is held for a short time. Any thread.
class directory {
public:
    void add(std::string_view user, session_id id);
    void remove(std::string_view user, session_id id);

    /// Appends the ids of the user's sessions to `found`, and returns their number.
    std::size_t find(std::string_view user, std::vector<session_id>& found) const;
    std::size_t count(std::string_view user) const;

    struct listed_user {
        std::string user;
        std::size_t sessions;
    };
    /// Returns at most `limit` users whose names come after `after`, in the order of names; sets `has_more` if there
    /// are others behind them.
    std::vector<listed_user> list(std::string_view after, std::size_t limit, bool& has_more) const;
    /// Returns how many users are connected.
    std::size_t users() const;
    /// Returns the number of sessions of all users.
    std::size_t sessions() const noexcept { return sessions_.load(std::memory_order_relaxed); }

private:
    /// Most users have one session: only further ones need memory of their own.
    struct sessions_of_user {
        session_id first;
        std::unique_ptr<std::vector<session_id>> others;
    };
    struct alignas(64) stripe {
        mutable std::mutex mutex;
        string_map<sessions_of_user> users;
    };
    static constexpr std::size_t stripe_count = 64;

    stripe& stripe_of(std::string_view user) noexcept;
    const stripe& stripe_of(std::string_view user) const noexcept;

    std::array<stripe, stripe_count> stripes_;
    std::atomic<std::size_t> sessions_{0};
};

}  // namespace bester::exchange
