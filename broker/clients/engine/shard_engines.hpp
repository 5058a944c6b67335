#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "access/address_counts.hpp"
#include "clients/engine/engine_request.hpp"
#include "clients/engine/event_text.hpp"
#include "clients/engine/socketio_namespace.hpp"
#include "exchange/framed_stream.hpp"
#include "exchange/session_id.hpp"
#include "exchange/turn.hpp"

namespace bester::clients {

class engine_session;
enum engine_due : std::uint8_t;
class namespace_session;
class shard_clients;
using session_list = std::list<std::unique_ptr<namespace_session>>;

/// The Engine.IO sessions of one shard, and those sessions of Socket.IO clients that outlive their connection. An HTTP
/// request may come on any shard: the id of its Engine.IO session names the shard on which the session was opened,
/// which passes the request on if the session has moved. On the shard's thread.
class shard_engines {
public:
    explicit shard_engines(shard_clients& clients);
    ~shard_engines();

    // Functions for HTTP requests and WebSockets.
    /// Opens one here, or returns the status of the refusal: its address has too many, or the broker is full of
    /// sessions that have logged in.
    tl::expected<engine_session*, web::http_status> open(std::shared_ptr<const engine_opening> how);
    /// Returns the session with this id, if it is on this shard.
    engine_session* find(std::string_view sid) const;
    /// Returns the shard to ask for this id, as far as is known here; none if it is not an id.
    std::optional<unsigned> shard_for(std::string_view sid) const;
    /// Runs `act` where it is, now or later; with null if it is nowhere. If it fails the session ends, and the
    /// connection of the request `from` that it was run for.
    using action = std::function<void(shard_engines& there, engine_session* who)>;
    void at(std::string sid, const waiting_request& from, action act, unsigned hops = 0);
    /// Answers a request, on any shard; without memory, ends the request's connection.
    void answer(const waiting_request& to, engine_answer&& what) noexcept;

    // Functions for engine_session and namespace_session.
    shard_clients& clients() noexcept { return clients_; }
    unsigned index() const noexcept;
    std::uint64_t ping_interval_ms() const noexcept;
    std::uint64_t ping_timeout_ms() const noexcept;
    shared_events& events() noexcept { return events_; }
    /// Returns the offset of the last event that was sent to a session with recovery.
    std::uint64_t& last_offset() noexcept { return last_offset_; }
    const socketio_namespace* find_namespace(const web_path& path, std::string_view name);
    /// Returns a random secret that contains the number of this shard.
    std::string make_secret() const;
    /// Returns the shard in a secret of make_secret(); none if it is not one.
    std::optional<unsigned> shard_of(std::string_view secret) const noexcept;
    /// Calls engine_session::do_due at the end of the turn, if the session still exists here. Takes no memory.
    void call_later(engine_session& who, engine_due what) noexcept;
    /// It leaves its place among those that are called then.
    void forget_due(engine_session& who) noexcept;
    /// One of its namespaces has logged in.
    void joined(engine_session& who) noexcept;
    /// Registers a session that can be recovered, and removes it.
    void remember(namespace_session& who);
    void forget(namespace_session& who);
    /// Returns the session with this secret, if it still has everything that its client missed.
    session_list take_back(std::string_view secret, const socketio_namespace& where,
                           std::optional<std::uint64_t> offset);
    /// Moves the Engine.IO session and its transports to the shard of the session that the CONNECT asks for, and
    /// handles the CONNECT there.
    void move(engine_session& who);
    /// Handles the end of an Engine.IO session: its namespace sessions stay for a while, or end.
    void ended(engine_session& who) noexcept;
    void remove_later(namespace_session& who) noexcept;
    /// They have left, or do so at the end of the turn, when they are destroyed.
    void bury(session_list gone) noexcept;

    // Functions for shard_clients.
    /// Checks deadlines; returns whether there is anything to look after.
    bool sweep(std::uint64_t now_ms);
    /// The limits have changed: deadlines may be earlier than they were.
    void apply_limits() noexcept;
    void for_each(const std::function<void(namespace_session&)>& each) const;
    void close_all();
    std::size_t unanswered() const;

private:
    /// Time of a turn for sessions that end, and for other things that may be due for thousands at once.
    static constexpr std::chrono::milliseconds time_of_turn{2};
    struct moved;
    using engine_list = std::list<std::unique_ptr<engine_session>>;
    /// What is to be done at the end of a turn.
    class turn_end final : public exchange::turn_worker {
    public:
        explicit turn_end(shard_engines& of) noexcept : turn_worker{exchange::work_phase::ending}, engines_{of} {}
        void work_in_turn() override { engines_.end_turn(); }

    private:
        shard_engines& engines_;
    };
    std::optional<access::address_place> place_among(access::address_counts& counts, const engine_opening& how) const;
    bool end_newcomer();
    session_list take_lost(namespace_session& who) noexcept;
    void arrive(moved& what) noexcept;
    void settle_down(moved& what);
    void end_request(const waiting_request& which) noexcept;
    engine_list take(std::string_view sid) noexcept;
    void end_turn();
    void clear_graves();
    /// Whether a loop of the sweep may go on.
    using time_left = std::function<bool()>;
    bool check_due(std::uint64_t now_ms, std::uint64_t login_timeout_ms, const time_left& has_time);
    bool bury_lost(std::uint64_t now_ms, const time_left& has_time);
    void put_check(engine_session& who, std::uint64_t due_ms) noexcept;
    unsigned home_of(std::string_view sid) const noexcept;
    void forward(const std::string& sid, std::optional<unsigned> to);

    struct text_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
    };
    template <class Value>
    using by_text = std::unordered_map<std::string, Value, text_hash, std::equal_to<>>;

    shard_clients& clients_;
    engine_list living_;
    by_text<engine_list::iterator> engines_;                         ///< those, by id
    std::set<std::pair<std::uint64_t, engine_session*>> newcomers_;  ///< were never in a namespace; the oldest first
    std::set<std::pair<std::uint64_t, engine_session*>> checks_;     ///< all, by when they are to be checked
    by_text<unsigned> forwards_;               ///< of those that were opened here, and are elsewhere
    by_text<namespace_session*> recoverable_;  ///< by their secret
    session_list lost_;                        ///< without a connection, in no order
    std::map<const web_path*, std::vector<socketio_namespace>> namespaces_;
    shared_events events_;
    engine_list dead_engines_;
    session_list dead_sessions_;
    std::list<engine_session*> due_;  ///< something is to be done with them at the end of the turn
    turn_end turn_end_{*this};
    std::uint64_t last_offset_;  ///< begins at a random number, so that offsets of other shards and earlier runs differ
    std::uint64_t next_check_ms_ = 0;
    bool has_closed_all_ = false;  ///< and closes those that come from other shards
};

}  // namespace bester::clients
