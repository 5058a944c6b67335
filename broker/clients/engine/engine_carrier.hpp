#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "clients/connection/connection.hpp"
#include "clients/websocket/websocket_side.hpp"

namespace bester::clients {

class engine_session;

/// The part that a WebSocket has in the Engine.IO session that it carries.
enum class carrier_part : std::uint8_t {
    opens,             ///< the session begins on it
    takes_over,        ///< wants to take over from HTTP requests
    carries_on,        ///< has carried the session before, on another shard
    still_takes_over,  ///< the same, and it wants to take over from HTTP requests
    is_probed,         ///< the same, and the client has probed it
};

/// A connection whose WebSocket carries an Engine.IO session: packets in and out. It has no user session of its own;
/// those live in the engine_session. Carrier and session tell each other when they end.
class engine_carrier final : public connection, private websocket_side {
public:
    engine_carrier(shard_clients& owner, connection_parts& from, const websocket_upgrade& how, engine_session& carried,
                   carrier_part part);

    void begin(std::string_view received, const websocket_upgrade& how, engine_session& carried, carrier_part part);

    // Sends a packet for the session; returns false if it was not taken.
    /// A text message in two pieces.
    bool put_packet(std::string_view start, std::string_view data);
    bool put_bytes(std::string_view bytes);
    /// Whole frames.
    bool put_frames(std::string_view frames) { return put(frames); }
    bool put_frames(const exchange::payload& frames) { return put(frames); }
    bool takes_from_servers();
    /// Reads on after a packet that had to wait.
    void go_on() { release(on_engine); }
    /// Handles the end of the session, or its change to another transport.
    void leave_engine();
    /// Leaves the session, which moves to another shard together with the connection.
    void forget_engine() noexcept { engine_ = nullptr; }

    /// Nor while a frame has begun, of which a part is here.
    bool can_move() { return connection::can_move() && !current_framing()->has_begun(); }

    const web_path& path() const noexcept { return path_; }
    bool is_compressed() const noexcept { return is_compressed_; }
    void apply_limits() override { set_message_limit(message_limit()); }
    std::string describe_holder(std::size_t bytes) const override;

private:
    /// Reasons not to read it, beside those of framed_stream.
    enum hold_reason : std::uint8_t { on_engine = 1 };

    std::size_t message_limit() const noexcept;
    exchange::frame_verdict on_frame(std::string_view body) override;
    void detach() override;
    void overflow() override;
    void say_goodbye(const wire::status_error& why, web::close_code code) override;
    void finish(exchange::close_reason reason) override;

    engine_session* engine_;  ///< null: the session has ended
};

}  // namespace bester::clients
