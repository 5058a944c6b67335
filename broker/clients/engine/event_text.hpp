#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "clients/engine/socketio_namespace.hpp"
#include "exchange/payload.hpp"

namespace bester::clients {

/// Where binary arguments may be needs a look at all of the data, so packets go through a queue as text in which
/// they stand as `{"_binary":"…"}`, and are taken apart when they are written to a transport.

/// Appends the arguments of an event that a delivery is: its data as it stands if it is of the namespace's own type and
/// an event, else the type and the data. `offset` 0: none is appended.
void append_event_arguments(std::string& out, std::string_view type_token, std::string_view data,
                            const socketio_namespace& to, std::uint64_t offset);

/// The arguments of an acknowledgement: the data if it is an array, else the data alone.
void append_ack_arguments(std::string& out, std::string_view data);

/// What a message that failed says, as the argument of an acknowledgement or in a notice:
/// "code":…,"reason":…, without braces.
void append_error_members(std::string& out, std::string_view code, std::string_view reason, bool temporary,
                          std::uint64_t retry_after_ms);

/// Appends a packet (its text, from Engine.IO's digit on) as WebSocket frames: one, and one more for each binary
/// argument.
void append_websocket_frames(std::string& out, std::string_view packet);
/// Appends it to a polling payload.
void append_to_payload(std::string& out, std::string_view packet);

/// Events that many sessions share, made once for all sessions of a shard that get the same one after the other.
class shared_events {
public:
    struct made {
        exchange::payload from;
        const socketio_namespace* to = nullptr;
        std::uint64_t offset = 0;  ///< 0: it has none
        exchange::payload packet;  ///< its text
        exchange::payload frames;  ///< for WebSockets; empty until asked for
    };
    /// A delivery frame of the client protocol as an event; `next_offset` (null: none) is counted up if it is made now.
    made& of(const exchange::payload& frame, const socketio_namespace& to, std::uint64_t* next_offset);
    const exchange::payload& frames_of(made& event);

private:
    made last_[4];
    std::size_t next_ = 0;
    std::string room_;
};

}  // namespace bester::clients
