#pragma once

#include "peering/routing/advert_text.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace bester::peering {

struct link_state_settings {
    std::string server;                    ///< our own name
    std::string incarnation;               ///< 16 hex digits, random at each start
    std::vector<std::string> addresses{};  ///< where others can dial us; at most 8
    bool is_transit = true;
    std::chrono::milliseconds gather{100};         ///< news that can wait is gathered so long
    std::chrono::milliseconds min_interval{1000};  ///< between two adverts of ours, on average
    unsigned loss_burst = 4;                       ///< so many adverts may follow at once when links are lost
    std::chrono::milliseconds refresh{30 * 60'000};
    std::chrono::milliseconds expiry{70 * 60'000};
    std::chrono::milliseconds trial{5000};          ///< a link that was lost is the last resort until it held so long
    std::chrono::milliseconds loss_memory{60'000};  ///< for so long a link counts as one that was lost
    double cost_change = 0.25;                      ///< a cost is news when it moved by more than this part
    std::chrono::microseconds least_cost_change{500};  ///< and by more than this: a LAN's jitter is no news
    std::size_t most_servers = 4096;
    std::size_t most_learned = 512;  ///< of them, those that one neighbour was the first to tell of
    std::chrono::milliseconds out_of_reach{10 * 60'000};  ///< forgotten when no chain of links led there for so long
    std::chrono::milliseconds reach_interval{60'000};     ///< how often that is looked at
    /// A version may be ahead of the wall clock by this, and of the last one of its server by the step.
    std::chrono::milliseconds most_ahead{24 * 3'600'000};
    std::uint64_t most_step = std::uint64_t{1} << 20;
    std::size_t most_links = 262'144;  ///< of all adverts together: what bounds the memory
};

enum class advert_verdict {
    news,     ///< taken; it is in the queues of the other links
    old,      ///< known already, or older than what is known
    refused,  ///< not taken; the reason is for the log
};

struct advert_outcome {
    advert_verdict verdict = advert_verdict::old;
    std::string reason;
};

/// A server to which there is no link, and where it can be dialled.
struct dial_candidate {
    std::string server;
    std::vector<std::string> addresses;
};

/// What one server says of itself, as it is kept.
struct known_server {
    advert said;
    std::chrono::steady_clock::time_point made;  ///< by our clock; what `age` said is in here
    std::string teller{};                        ///< the neighbour that was the first to tell of it
    std::optional<std::chrono::steady_clock::time_point>
        out_of_reach_since{};  ///< no chain of links has led there since
};

/// One of our own links that is up.
struct own_link {
    std::chrono::nanoseconds smoothed{0};                 ///< round-trip time, as in RFC 6298 (SRTT)
    std::optional<std::chrono::microseconds> advertised;  ///< cost in our last advert
    std::optional<std::chrono::steady_clock::time_point> trial_ends;
    bool is_summary_due = true;
    std::set<std::string, std::less<>> waiting;  ///< servers whose adverts are to be sent here
    bool has_spoken = false;                     ///< its other end has said over this link which advert is its own
    std::optional<known_server> rumour;          ///< others' word of the other end, newer than its own
    bool is_rumour_due = false;                  ///< to be sent there, so that it is contradicted

    std::chrono::microseconds cost() const noexcept;
    /// What adverts say: on trial the highest cost that there is, so that the link is used where
    /// there is no other way, and a flapping one moves nothing else.
    std::chrono::microseconds told_cost() const noexcept;
};

/// What we know of all servers of the authority: an advert of each, and which of them are still to
/// be sent over which of our links. Pure: clocks and bytes come in. One thread; not synchronised.
///
/// A new link exchanges summaries, and each end sends what the other lacks. News goes to all links
/// but the one it came from and those whose other end the advert's origin is linked to itself: that
/// one gets it from there, or hears in a newer advert that the link is lost. So a change costs at
/// most two messages a link, and in a full mesh only one to each server. For that a link must
/// deliver what `next_message` gave until on_link_down, and not call on_link_up twice for one stream.
///
/// Good news waits (gather, min_interval, trial); a lost link is told at once. The version of an advert is
/// the wall clock at the start plus the time since, always rising; whoever meets an advert of
/// itself that is newer than its own (its clock was set back while it was down) goes above that.
/// Two servers of one name would do so for ever, once in min_interval: `conflicts` counts it.
///
/// Adverts are not signed, so what others say of a neighbour that speaks for itself is not believed: it is
/// passed to the neighbour, which goes above it. A neighbour is the first to tell of so many servers at most.
class link_state {
public:
    using time_point = std::chrono::steady_clock::time_point;

    struct counters {
        std::uint64_t refused = 0;     ///< malformed, expired, or from no link of ours
        std::uint64_t over_limit = 0;  ///< refused because the database, or the neighbour's part of it, is full
        std::uint64_t rumours = 0;     ///< about neighbours that speak for themselves
        std::uint64_t conflicts = 0;   ///< adverts of ourselves that were newer than ours
        std::uint64_t made = 0;        ///< adverts of our own
        std::uint64_t expired = 0;
    };
    template <class Value>
    using by_name = std::map<std::string, Value, std::less<>>;

    link_state(link_state_settings settings, std::chrono::milliseconds wall_clock, time_point now);

    /// A link to `peer` is up, or another stream has taken its place; `round_trip` was measured on it.
    void on_link_up(std::string_view peer, std::chrono::nanoseconds round_trip, time_point now);
    void on_round_trip(std::string_view peer, std::chrono::nanoseconds round_trip, time_point now);
    void on_link_down(std::string_view peer, time_point now);
    /// The text of an advert frame from `peer`.
    advert_outcome on_text(std::string_view text, std::string_view peer, time_point now);
    advert_outcome on_message(const link_state_message& message, std::string_view peer, time_point now);
    /// To be called at `next_deadline` or later.
    void on_timer(time_point now);
    /// After a reload.
    void advertise(std::vector<std::string> addresses, bool is_transit, time_point now);

    void set_most_learned(std::size_t servers) noexcept { settings_.most_learned = servers; }

    time_point next_deadline() const;
    /// The next message for this link, to be asked for whenever it takes more; nothing: no more now.
    std::optional<link_state_message> next_message(std::string_view peer, time_point now);
    std::optional<std::string> next_text(std::string_view peer, time_point now);

    /// Whom discovery may dial: known by advert, with addresses, without a link, not configured.
    std::vector<dial_candidate> dial_candidates(const std::set<std::string, std::less<>>& configured) const;

    const std::string& own_name() const noexcept { return settings_.server; }
    const by_name<known_server>& servers() const noexcept { return servers_; }  ///< ourselves among them
    const by_name<own_link>& links() const noexcept { return links_; }
    const counters& count() const noexcept { return counters_; }
    /// Rises with each change that may move a route; the second one when a link of ours is lost.
    std::uint64_t revision() const noexcept { return revision_; }
    std::uint64_t loss_revision() const noexcept { return loss_revision_; }

private:
    enum class own_news { none, change, loss };

    advert_outcome on_advert(const advert& message, std::string_view peer, time_point now);
    advert_outcome on_own_advert(const advert& message, own_link& from, time_point now);
    advert_outcome refuse(std::string reason);
    advert_outcome note_rumour(const advert& message, std::string_view peer, own_link& about, const known_server& known,
                               time_point now);
    void on_summary(const database_summary& summary, std::string_view peer, own_link& from);
    advert aged(const known_server& server, time_point now) const;
    void note(own_news news, time_point now);
    time_point own_advert_due() const;
    void advertise_if_due(time_point now);
    bool has_moved(std::chrono::microseconds told, std::chrono::microseconds cost) const;
    bool is_worth_telling(const advert& candidate) const;
    void make_own_advert(advert candidate, time_point now);
    advert own_advert() const;
    void flood(const advert& message, std::string_view came_from);
    std::optional<std::string> objection(const advert& message, std::string_view peer, const known_server* known) const;
    bool is_too_far_ahead(const advert& message, const known_server* known, time_point now) const;
    void forget(by_name<known_server>::iterator server);
    void forget_expired(time_point now);
    void forget_out_of_reach(time_point now);
    std::set<std::string_view> within_reach() const;
    void end_trials(time_point now);

    link_state_settings settings_;
    std::chrono::milliseconds wall_clock_;  // at started_
    time_point started_;
    by_name<known_server> servers_;
    by_name<own_link> links_;
    by_name<time_point> lost_;  // links of ours that are down, not longer than loss_memory
    std::size_t stored_links_ = 0;
    by_name<std::size_t> learned_;  // how many servers each neighbour was the first to tell of
    time_point reach_due_;          // when out_of_reach is looked at next
    counters counters_;
    std::uint64_t revision_ = 1;
    std::uint64_t loss_revision_ = 0;

    own_news news_ = own_news::none;
    bool must_tell_ = false;  // even if nothing but the version would change
    time_point news_since_;
    time_point next_allowed_;                     // the rate of own adverts: each one moves this by min_interval
    std::uint64_t highest_version_ = 0;           // of all adverts of ourselves that were seen or made
    time_point next_expiry_ = time_point::max();  // no server expires earlier
};

}  // namespace bester::peering
