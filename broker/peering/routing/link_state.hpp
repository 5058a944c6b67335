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
    std::string server;                    ///< this server's name
    std::string incarnation;               ///< 16 hex digits, random at each start
    std::vector<std::string> addresses{};  ///< where others can dial this server; at most 8
    bool is_transit = true;
    std::chrono::milliseconds gather{100};         ///< for this time, news that can wait is gathered
    std::chrono::milliseconds min_interval{1000};  ///< between two own adverts, on average
    unsigned loss_burst = 4;                       ///< number of adverts that may follow at once when links are lost
    std::chrono::milliseconds refresh{30 * 60'000};
    std::chrono::milliseconds expiry{70 * 60'000};
    std::chrono::milliseconds trial{5000};  ///< a link that was lost is the last resort until it has held for this time
    std::chrono::milliseconds loss_memory{60'000};     ///< for this time a link counts as one that was lost
    double cost_change = 0.25;                         ///< a cost is news when it has moved by more than this part
    std::chrono::microseconds least_cost_change{500};  ///< and by more than this, so that a LAN's jitter is no news
    std::size_t most_servers = 4096;
    std::size_t most_learned = 512;  ///< of them, those that one neighbour was the first to announce
    std::chrono::milliseconds out_of_reach{
        10 * 60'000};  ///< a server to which no chain of links has led for this time is forgotten
    std::chrono::milliseconds reach_interval{60'000};  ///< how often that is checked
    /// A version may be ahead of the wall clock by this, and of the last one of its server by the step.
    std::chrono::milliseconds most_ahead{24 * 3'600'000};
    std::uint64_t most_step = std::uint64_t{1} << 20;
    std::size_t most_links = 262'144;  ///< links of all adverts together, which bounds the memory
};

enum class advert_verdict {
    news,     ///< taken, and queued for the other links
    old,      ///< known already, or older than what is known
    refused,  ///< not taken; the reason is for the log
};

struct advert_outcome {
    advert_verdict verdict = advert_verdict::old;
    std::string reason;
};

/// A server without a link, with the addresses at which it can be dialled.
struct dial_candidate {
    std::string server;
    std::vector<std::string> addresses;
};

/// The advert of one server, as it is kept.
struct known_server {
    advert said;
    std::chrono::steady_clock::time_point made;  ///< on this server's clock, with `age` taken into account
    std::string teller{};                        ///< the neighbour that was the first to announce it
    std::optional<std::chrono::steady_clock::time_point>
        out_of_reach_since{};  ///< since when no chain of links leads there
};

/// A link of this server that is up.
struct own_link {
    std::chrono::nanoseconds smoothed{0};                 ///< round-trip time, as in RFC 6298 (SRTT)
    std::optional<std::chrono::microseconds> advertised;  ///< cost in the last own advert
    std::optional<std::chrono::steady_clock::time_point> trial_ends;
    bool is_summary_due = true;
    std::set<std::string, std::less<>> waiting;  ///< servers whose adverts are to be sent here
    bool has_spoken = false;                     ///< its other end has sent its own advert over this link
    std::optional<known_server> rumour;  ///< an advert of the other end that came from others and is newer than its own
    bool is_rumour_due = false;          ///< the rumour is to be sent there, so that the other end contradicts it

    std::chrono::microseconds cost() const noexcept;
    /// Returns the cost in adverts: on trial the highest one, so that the link is used only where there is no other
    /// route, and a flapping link moves nothing else.
    std::chrono::microseconds told_cost() const noexcept;
};

/// The knowledge of all servers of the authority: the advert of each, and which adverts are still to be sent over which
/// link. Pure: clocks and bytes come in. One thread; not synchronised.
///
/// A new link exchanges summaries, and each end sends what the other lacks. News goes to all links but the one that it
/// came from and those whose other end is linked to the advert's origin: it gets the advert from there, or learns from
/// a newer advert that the link is lost. So a change costs at most two messages a link, and in a full mesh only one to
/// each server. This requires that a link delivers what `next_message` returned until on_link_down, and that on_link_up
/// is not called twice for one stream.
///
/// Improvements wait (gather, min_interval, trial); a lost link is announced at once. The version of an advert is the
/// wall clock at the start plus the time since, always rising; a server that receives an advert of itself that is newer
/// than its own (its clock was set back while it was down) continues above that version. Two servers of one name would
/// do so for ever, once in min_interval: `conflicts` counts it.
///
/// Adverts are not signed, so an advert of a neighbour that comes from others is not used, but passed to the neighbour,
/// which continues above it. The number of servers that one neighbour is the first to announce is bounded.
class link_state {
public:
    using time_point = std::chrono::steady_clock::time_point;

    struct counters {
        std::uint64_t refused = 0;     ///< malformed, expired, or from no link of this server
        std::uint64_t over_limit = 0;  ///< refused because the database, or the neighbour's part of it, is full
        std::uint64_t rumours = 0;     ///< about neighbours that send their own adverts
        std::uint64_t conflicts = 0;   ///< adverts of this server that were newer than its own
        std::uint64_t made = 0;        ///< own adverts that were made
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
    /// Returns the next message for this link, to be asked for whenever it has room; none: no more now.
    std::optional<link_state_message> next_message(std::string_view peer, time_point now);
    std::optional<std::string> next_text(std::string_view peer, time_point now);

    /// Returns the servers that discovery may dial: known by advert, with addresses, without a link, not configured.
    std::vector<dial_candidate> dial_candidates(const std::set<std::string, std::less<>>& configured) const;

    const std::string& own_name() const noexcept { return settings_.server; }
    const by_name<known_server>& servers() const noexcept { return servers_; }  ///< including this server
    const by_name<own_link>& links() const noexcept { return links_; }
    const counters& count() const noexcept { return counters_; }
    /// Numbers that grow: the first with each change that may move a route, the second when a link of this server is
    /// lost.
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
    by_name<time_point> lost_;  // own links that are down, not longer than loss_memory
    std::size_t stored_links_ = 0;
    by_name<std::size_t> learned_;  // how many servers each neighbour was the first to announce
    time_point reach_due_;          // when out_of_reach is checked next
    counters counters_;
    std::uint64_t revision_ = 1;
    std::uint64_t loss_revision_ = 0;

    own_news news_ = own_news::none;
    bool must_tell_ = false;  // an advert is due even if only its version changes
    time_point news_since_;
    time_point next_allowed_;                     // the rate of own adverts: each one moves this by min_interval
    std::uint64_t highest_version_ = 0;           // the highest version of this server's adverts that was seen or made
    time_point next_expiry_ = time_point::max();  // no server expires earlier
};

}  // namespace bester::peering
