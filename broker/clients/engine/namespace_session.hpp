#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/address_counts.hpp"
#include "clients/engine/engine_request.hpp"
#include "clients/engine/event_text.hpp"
#include "clients/engine/recovery_log.hpp"
#include "clients/engine/socketio_namespace.hpp"
#include "clients/session/user_session.hpp"
#include "exchange/byte_ledger.hpp"
#include "socketio/packet.hpp"

namespace bester::clients {

class engine_session;
class shard_engines;

/// A client in one namespace of a Socket.IO path: a session of the exchange. Its events are messages, deliveries are
/// events to it (proto-docs/socketio.md). Owned by the engine_session that carries it, or, while its client is lost and
/// may come back, by its shard's shard_engines. On that shard's thread.
class namespace_session final : public user_session, private exchange::memory_holder {
public:
    namespace_session(shard_engines& home, engine_session& carrier, const socketio_namespace& where);
    ~namespace_session();

    /// Logs the client in with the credentials of its CONNECT; answers it now or later. If it is refused, the session
    /// is removed.
    void connect(const login_request& request);
    /// Returns whether its events must wait because it is full; the connection is not read until it has room.
    bool must_wait();
    /// Handles an event of the client, with its attachments already in `data`. `data` is checked here.
    void take_event(const socketio::packet_view& packet);
    /// Why it cannot be given more events now; false: it can.
    bool is_holding() const noexcept { return is_holding_; }

    /// Handles the loss of the connection; returns whether the session stays for a while.
    bool outlive_connection();
    /// Continues with a client that is back and has got everything up to this offset; sends the packets that it missed.
    void come_back(engine_session& carrier, std::optional<std::uint64_t> offset);
    bool can_come_back(std::optional<std::uint64_t> offset) const noexcept;
    engine_session* carrier() const noexcept { return carrier_; }
    const socketio_namespace& where() const noexcept { return where_; }
    const recovery_log* recovery() const noexcept { return recovery_.get(); }
    /// Returns when a session without a connection ends, on the shard's clock.
    std::uint64_t lost_until_ms() const noexcept { return lost_until_ms_; }
    /// Leaves the exchange without telling the client. May be called again after an exception.
    void drop();
    /// While its client is lost, its place among the lost sessions of the same address.
    access::address_place lost_place;
    /// While its client is lost, where it is among the lost sessions of its shard.
    std::optional<std::list<std::unique_ptr<namespace_session>>::iterator> lost_at;

    bool deliver(std::string_view type_token, std::string_view data, std::string_view id_token) override;
    bool deliver(const exchange::payload& frame) override;
    void message_done(const exchange::envelope_view& message, const wire::status_error* error) override;
    bool takes_from_servers() override;
    void disconnect(const wire::status_error& why) override;
    std::string_view path() const noexcept override { return opening_->path->name; }
    std::string_view query() const noexcept override { return opening_->query; }
    std::string_view name_space() const noexcept override { return where_.name; }
    void end(wire::error_code code, exchange::close_reason reason) override;
    void notify_reconnect(std::uint64_t after_ms) override;
    std::string address() const override { return opening_->address; }

private:
    shard_clients& clients() const noexcept override;
    const listener_settings& listener() const noexcept override { return *opening_->listener; }
    wire::error_code objection() override;
    void logged_in() override;
    void logged_in_late() override {}
    void login_refused(const wire::status_error& error) override;
    void warn_of_expiry(std::uint64_t left_ms) override;
    void on_message_refused(const wire::client_message& message, const wire::status_error& error) override;

    void say_connected();
    bool send_event(std::string_view type_token, std::string_view data);
    bool send_notice(std::string_view members);
    bool send_ack(std::string_view id_token, std::string_view data);
    void send_error(std::string_view id_token, const wire::status_error& error);
    void say_goodbye(std::string_view code, std::string_view reason);
    void take_token(std::string_view id_token, std::string_view data);
    bool was_answered(std::string_view id_token);
    void keep(std::uint64_t offset, const exchange::payload& packet);
    // Packets that are kept for its return count as output that waits for it. They are dropped to make room, and weigh
    // so much more than other output that this comes before a client is ended.
    std::uint64_t held_weight(exchange::held_kind, std::uint64_t) const noexcept override {
        return std::uint64_t{held_.bytes} << 20;
    }
    void give_way(exchange::held_kind what) override;
    void check_frame_time(std::uint64_t) override {}

    shard_engines& home_;
    engine_session* carrier_;
    const socketio_namespace& where_;
    std::shared_ptr<const engine_opening> opening_;  ///< facts about the connection that it began with
    std::unique_ptr<recovery_log> recovery_;         ///< null: packets that it misses are lost
    exchange::byte_ledger::entry held_;              ///< for the packets in it
    std::vector<std::uint64_t> answered_;            ///< requests that have got their reply but not their end
    std::uint64_t lost_until_ms_ = 0;
    bool is_holding_ = false;
};

}  // namespace bester::clients
