#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "access/address_counts.hpp"
#include "clients/engine/engine_carrier.hpp"
#include "clients/engine/engine_request.hpp"
#include "clients/engine/engine_state.hpp"
#include "clients/engine/event_text.hpp"
#include "clients/engine/namespace_session.hpp"
#include "exchange/byte_ledger.hpp"
#include "exchange/framed_stream.hpp"
#include "socketio/attachment_collector.hpp"
#include "socketio/engine_packet.hpp"
#include "socketio/packet.hpp"

namespace bester::clients {

class shard_engines;

/// Sessions in namespaces. They go from the one to whom they belong to another without taking memory, so that none is
/// lost on its way.
using session_list = std::list<std::unique_ptr<namespace_session>>;

/// What is to be done with an Engine.IO session at the end of the turn; bits.
enum engine_due : std::uint8_t {
    due_close = 1,   ///< it is closed
    due_answer = 2,  ///< the poll that waits is answered
    due_post = 4,    ///< the POST that waits is taken
    due_move = 8,    ///< it moves to another shard
};

/// One Engine.IO session (protocol 4), which carries a client's Socket.IO packets over HTTP requests, over a WebSocket,
/// or first over the one and then over the other. The client's sessions in namespaces live in it. Owned by its shard's
/// shard_engines, on that shard's thread; it can move to another shard while it has no namespaces.
class engine_session final : private exchange::memory_holder {
public:
    /// The session keeps `place`, its count at the client's address, until it ends.
    engine_session(shard_engines& home, std::shared_ptr<const engine_opening> how, access::address_place place,
                   std::string sid, std::uint64_t now_ms);
    ~engine_session();
    engine_session(const engine_session&) = delete;
    engine_session& operator=(const engine_session&) = delete;

    const std::string& sid() const noexcept { return sid_; }
    const std::shared_ptr<const engine_opening>& opening() const noexcept { return opening_; }
    std::uint64_t opened_ms() const noexcept { return opened_ms_; }
    /// Counts the memory that it holds from the beginning.
    void begin() { settle(); }
    /// Writes the first packet. `can_upgrade`: the session is on HTTP and may change to a WebSocket.
    std::string open_text(bool can_upgrade) const;

    // Called by HTTP connections and WebSockets.
    /// Returns whether a WebSocket may take over; not if there is one.
    bool can_upgrade() const noexcept { return !carrier_ && !state_.is_closed(); }
    void take_carrier(engine_carrier& websocket, carrier_part part);
    exchange::frame_verdict on_websocket(engine_carrier& from, std::string_view body, bool is_binary);
    void carrier_gone(engine_carrier& which);
    void poll(const waiting_request& from);
    void post(std::string body, const waiting_request& from);
    void request_gone(const waiting_request& which);
    /// The client takes the answer to its poll slowly: until it has taken it, it cannot see a ping.
    void answer_is_read_slowly() noexcept { is_read_slowly_ = true; }
    void answer_was_read();

    // Called by namespaces.
    /// Sends a packet, whose text begins with Engine.IO's digit, in one piece or two. Returns false if it was not
    /// taken; then the session is being closed.
    bool send(std::string_view packet);
    /// See exchange::session.
    bool takes_from_servers();
    bool send(std::string_view start, std::string_view data);
    bool send(shared_events::made& event);
    void send_control(socketio::packet_type type, std::string_view name_space, std::string_view data);
    void send_connect_error(std::string_view name_space, const wire::status_error& error);
    /// One of its namespaces has logged in: larger packets are allowed from now on.
    void joined();
    bool has_joined() const noexcept { return has_joined_; }
    void hold_back() noexcept { ++holding_; }
    void release();
    void remove_later(namespace_session& who);
    void close_later() noexcept;
    /// Must not be called from one of its own calls, nor from those of its namespaces or its WebSocket.
    void close_now() { close(false); }
    /// Returns whether a request waits for the session, or a WebSocket belongs to it.
    bool is_attended() const noexcept { return carrier_ || (http_ && (http_->poll || http_->post)); }
    /// Returns the place in the address's count, after the session has ended.
    void leave_address() noexcept { place_ = {}; }
    /// Ends the session of a client that breaks the protocol.
    void fail() noexcept { close(true); }

    /// Sends pings and checks for silence; returns false if the client is lost or has not logged in in time.
    bool check(std::uint64_t now_ms, std::uint64_t login_timeout_ms, std::uint64_t ping_interval_ms,
               std::uint64_t ping_timeout_ms);
    /// Returns when it is to be checked again, which is 0 (at once) while it waits for an answer to a ping.
    std::uint64_t next_check_ms(std::uint64_t login_timeout_ms) const noexcept;
    /// For shard_engines: its key among those that are to be checked.
    std::uint64_t check_due_ms = 0;
    /// Ends the session's transports: closes a WebSocket, answers a waiting poll with a `close` packet, and a waiting
    /// post with "ok", or with 400 if `has_failed`.
    void end_transport(bool has_failed) noexcept;
    session_list& namespaces() noexcept { return namespaces_; }
    /// Takes a session out of it; empty: it has no such session.
    session_list give_up(namespace_session& who);
    void do_due(std::uint8_t what);

    /// For shard_engines: its place in the list of those for whom something is due at the end of the turn, while it is
    /// not in that list; and what is due.
    std::list<engine_session*> due_place{this};
    const std::list<engine_session*>::iterator due_at = due_place.begin();  ///< in whichever list it is
    std::uint8_t due = 0;

    // Functions for the move to another shard.
    /// Returns the WebSocket that carries the session, or wants to take over; null: there is none.
    engine_carrier* carrier() const noexcept { return carrier_; }
    /// Returns the part that its WebSocket, if there is one, has on the other shard.
    carrier_part part_after_move() const noexcept;
    void move_to(shard_engines& home);
    /// Leaves this shard without its WebSocket, which is given to it again on the other one.
    void move_off();
    /// Handles the CONNECT for which it was moved.
    void take_moved_packet(std::string_view packet);
    /// Where it is going.
    struct journey {
        unsigned target = 0;
        std::string connect;
    };
    std::unique_ptr<journey> take_journey() noexcept { return std::move(journey_); }
    /// Returns a description of the client for the log, with the bytes that it holds.
    std::string describe_holder(std::size_t bytes) const;
    /// Goes on with packets that had to wait.
    void go_on();

private:
    enum class step : std::uint8_t {
        next,
        pause,    ///< after this packet
        not_yet,  ///< before it: it is to be given again
        closed,
    };

    step take(const socketio::engine_packet& packet, engine_carrier* from);
    step take_probe(const socketio::engine_packet& packet, engine_carrier& from);
    step refuse_probe(engine_carrier& from);
    step take_text(std::string_view text, bool may_move);
    step take_bytes(std::string_view bytes);
    step connect(const socketio::packet_view& packet, std::string_view text, bool may_move);
    bool come_back(const socketio_namespace& to, std::string_view secret, std::optional<std::uint64_t> offset);
    step take_event(const socketio::packet_view& packet);
    step close(bool has_failed) noexcept;
    void take_post();
    std::size_t most_collected() const noexcept;
    void settle();
    engine_carrier* websocket() const noexcept { return state_.is_on_websocket() ? carrier_ : nullptr; }
    engine_carrier* upgrading() const noexcept { return state_.is_upgrading() ? carrier_ : nullptr; }
    engine_carrier* lose_carrier() noexcept;
    std::uint64_t held_weight(exchange::held_kind what, std::uint64_t now_ms) const noexcept override;
    void give_way(exchange::held_kind what) override;
    void check_frame_time(std::uint64_t now_ms) override;
    void answer(waiting_request& to, web::http_status status, std::string body);
    template <class Write>
    void queue_packet(Write&& write);
    void packet_queued();
    void answer_poll();
    bool must_wait_for_polls() const noexcept;
    bool has_held_post() const noexcept { return http_ && !http_->body.empty(); }
    void answer_held_post();
    namespace_session* find(std::string_view name) const noexcept;

    shard_engines* home_;
    std::shared_ptr<const engine_opening> opening_;
    access::address_place place_;
    std::string sid_;
    engine_state state_;
    engine_carrier* carrier_ = nullptr;  ///< null: there is no WebSocket, and state_ says `http`
    session_list namespaces_;
    std::unique_ptr<journey> journey_;  ///< null: it stays where it is

    /// State that only HTTP needs.
    struct http_side {
        waiting_request poll;  ///< the poll that waits for packets
        std::string queue;     ///< packets that wait for a poll, as a payload
        std::size_t packets = 0;
        std::uint64_t polled_ms = 0;  ///< when the client polled last
        waiting_request post;         ///< the post that waits until its packets are taken
        std::string body;             ///< packets that came in posts and are not all taken, and the position in them
        std::size_t at = 0;
        bool is_answered_early = false;  ///< the post that they came in was answered before they were taken
    };
    http_side& http();

    std::unique_ptr<http_side> http_;
    std::unique_ptr<socketio::attachment_collector> collector_;
    std::uint64_t collecting_since_ms_ = 0;  ///< 0: no packet is collected
    exchange::byte_ledger::entry held_input_;
    exchange::byte_ledger::entry held_output_;
    std::uint64_t opened_ms_;
    std::uint64_t next_ping_ms_;
    std::uint64_t pinged_ms_ = 0;  ///< 0: no pong is due
    std::uint32_t holding_ = 0;    ///< number of namespaces that can take no more events now
    std::uint32_t refusals_ = 0;   ///< number of refused CONNECTs
    bool has_joined_ = false;      ///< whether it has ever been in a namespace
    bool is_read_slowly_ = false;  ///< the answer to a poll is
};

}  // namespace bester::clients
