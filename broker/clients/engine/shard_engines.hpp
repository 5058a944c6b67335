#pragma once

#include <cstdint>
#include <functional>
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

namespace bester::clients {

class engine_session;
class namespace_session;
class shard_clients;

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
    /// Runs `act` on the session's shard, now or later; with null if there is no such session.
    using action = std::function<void(shard_engines& there, engine_session* who)>;
    void at(std::string sid, action act, unsigned hops = 0);
    /// Answers a request, on any shard.
    void answer(const waiting_request& to, engine_answer what);

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
    /// Calls the session at the end of the turn, if it still exists.
    void later(const std::string& sid, void (*act)(engine_session&));
    /// One of its namespaces has logged in.
    void joined(engine_session& who) noexcept;
    /// Registers a session that can be recovered, and removes it.
    void remember(namespace_session& who);
    void forget(namespace_session& who);
    /// Returns the session with this secret, if it still has everything that its client missed.
    std::unique_ptr<namespace_session> take_back(std::string_view secret, const socketio_namespace& where,
                                                 std::optional<std::uint64_t> offset);
    /// Moves the Engine.IO session and its transports to the shard of the session that the CONNECT asks for, and
    /// handles the CONNECT there.
    void move_later(engine_session& who, unsigned target, std::string_view connect);
    /// Handles the end of an Engine.IO session: its namespace sessions stay for a while, or end.
    void ended(engine_session& who);
    void remove_later(namespace_session& who);
    void bury(std::unique_ptr<namespace_session> gone);

    // Functions for shard_clients.
    /// Checks deadlines; returns whether there is anything to look after.
    bool sweep(std::uint64_t now_ms);
    void for_each(const std::function<void(namespace_session&)>& each) const;
    void close_all();
    std::size_t unanswered() const;

private:
    struct moved;
    /// A session whose client may come back; it counts at the client's address until then.
    struct lost_session {
        std::unique_ptr<namespace_session> who;
        access::address_place place;
    };
    std::optional<access::address_place> place_among(access::address_counts& counts, const engine_opening& how) const;
    bool end_newcomer();
    std::unique_ptr<namespace_session> take_lost(std::size_t at);
    std::size_t find_lost(const namespace_session& who) const noexcept;
    void move(const std::string& sid, unsigned target, const std::string& connect);
    void arrive(moved what);
    std::unique_ptr<engine_session> take(std::string_view sid);
    void bury(std::unique_ptr<engine_session> gone);
    void clear_graves();
    unsigned home_of(std::string_view sid) const noexcept;
    void forward(const std::string& sid, std::optional<unsigned> to);

    struct text_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
    };
    template <class Value>
    using by_text = std::unordered_map<std::string, Value, text_hash, std::equal_to<>>;

    shard_clients& clients_;
    by_text<std::unique_ptr<engine_session>> engines_;
    std::set<std::pair<std::uint64_t, engine_session*>>
        newcomers_;                            ///< sessions that were never in a namespace, the oldest first
    by_text<unsigned> forwards_;               ///< shards of sessions that were opened here and have moved
    by_text<namespace_session*> recoverable_;  ///< sessions by their secret
    std::vector<lost_session> lost_;           ///< sessions without a connection, in no order
    std::map<const web_path*, std::vector<socketio_namespace>> namespaces_;
    shared_events events_;
    std::vector<std::unique_ptr<engine_session>> dead_engines_;
    std::vector<std::unique_ptr<namespace_session>> dead_sessions_;
    bool is_clearing_ = false;
    std::uint64_t last_offset_;  ///< begins at a random number, so that offsets of other shards and earlier runs differ
    std::uint64_t next_check_ms_ = 0;
};

}  // namespace bester::clients
