// The source of updates: a process that has the guilds, and lets things happen in them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include <bester/handler.hpp>

#include "guilds.hpp"
#include "updates.hpp"

namespace spectator {

/// The handler's section of the broker's config. A plain value.
struct feed_settings {
    guild_sizes sizes;
    std::uint64_t seed = 1;
    std::size_t rate = 40;                           ///< updates a second, over all guilds
    std::chrono::milliseconds report_every{60'000};  ///< a line in the log; 0: never
};

/// Throws std::invalid_argument that says what is wrong.
feed_settings read_feed_settings(const nlohmann::json& config);

/// Makes updates at a steady rate, and sends those that somebody looks at: the broker tells it how
/// many sessions each group has, so that of the rest not a byte leaves this process. It answers what
/// the gateway passes on to it. All on the thread of `handler.run()`; the handler must outlive it.
class feed {
public:
    explicit feed(bester::handler& self);

private:
    using clock = std::chrono::steady_clock;

    void start(const bester::welcome& greeting);
    void heed(const bester::group_size& changed);
    void produce();
    bester::answer take(const bester::message& received);
    nlohmann::json statistics() const;

    struct text_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
    };

    bester::handler& self_;
    feed_settings settings_;
    std::vector<guild> guilds_;
    std::optional<update_maker> maker_;                                    ///< when there are guilds
    std::unordered_set<std::string, text_hash, std::equal_to<>> watched_;  ///< groups with sessions
    std::vector<bester::timer_id> timers_;
    clock::time_point started_;
    std::uint64_t produced_ = 0;
    std::uint64_t sent_ = 0;
};

}  // namespace spectator
