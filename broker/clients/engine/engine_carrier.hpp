#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "clients/connection/connection.hpp"
#include "clients/websocket/websocket_side.hpp"

namespace bester::clients {

class engine_session;

/// What a WebSocket is to the Engine.IO session that it carries.
enum class carrier_part : std::uint8_t {
    opens,             ///< the session begins on it
    takes_over,        ///< wants to take over from HTTP requests
    carries_on,        ///< has carried the session before, on another shard
    still_takes_over,  ///< the same, of one that wants to take over
};

/// A connection whose WebSocket carries an Engine.IO session: packets in and out. It has no user's session of its own;
/// those live in the engine_session, which is told when the connection is gone, and tells when it is gone itself.
class engine_carrier final : public connection, private websocket_side {
public:
    engine_carrier(shard_clients& owner, connection_parts& from, const websocket_upgrade& how, engine_session& carried,
                   carrier_part part);

    void begin(std::string_view received, const websocket_upgrade& how, engine_session& carried, carrier_part part);

    // For the session: false if it could not be taken.
    /// A text message in two pieces.
    bool put_packet(std::string_view start, std::string_view data);
    bool put_bytes(std::string_view bytes);
    /// Whole frames.
    bool put_frames(std::string_view frames) { return put(frames); }
    bool put_frames(const exchange::payload& frames) { return put(frames); }
    bool takes_from_servers();
    /// Reads on after a packet that had to wait.
    void go_on() { release(on_engine); }
    /// The session has ended, or goes on without it.
    void leave_engine();
    /// Without the session, which moves to another shard together with the connection.
    void forget_engine() noexcept { engine_ = nullptr; }

    const web_path& path() const noexcept { return path_; }
    bool is_compressed() const noexcept { return is_compressed_; }
    void apply_limits() override { set_message_limit(message_limit()); }
    std::string describe_holder(std::size_t bytes) const override;

private:
    /// Why it is not read, beside framed_stream's own reasons.
    enum hold_reason : std::uint8_t { on_engine = 1 };

    std::size_t message_limit() const noexcept;
    exchange::frame_verdict on_frame(std::string_view body) override;
    void detach() override;
    void overflow() override;
    void say_goodbye(const wire::status_error& why, web::close_code code) override;
    void finish(exchange::close_reason reason) override;

    engine_session* engine_;  ///< null: it carries none any more
};

}  // namespace bester::clients
