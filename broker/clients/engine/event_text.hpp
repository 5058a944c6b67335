#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "clients/engine/socketio_namespace.hpp"
#include "exchange/payload.hpp"

namespace bester::clients {

/// Finding binary arguments needs a look at all of the data, so queues hold packets as text with binary arguments as
/// `{"_binary":"…"}`, and packets are split when they are written to a transport.

/// Appends the arguments of a delivery's event: the data unchanged if it is an event of the namespace's own type, else
/// the type and the data. `offset` 0: no offset is appended.
void append_event_arguments(std::string& out, std::string_view type_token, std::string_view data,
                            const socketio_namespace& to, std::uint64_t offset);

/// Appends the arguments of an acknowledgement: the data if it is an array, else an array of the data.
void append_ack_arguments(std::string& out, std::string_view data);

/// Appends a message's error, as the argument of an acknowledgement or in a notice: "code":…,"reason":…, without
/// braces.
void append_error_members(std::string& out, std::string_view code, std::string_view reason, bool temporary,
                          std::uint64_t retry_after_ms);

/// Appends a packet (the packet's text, from Engine.IO's digit on) as WebSocket frames: one, and one more for each
/// binary argument.
void append_websocket_frames(std::string& out, std::string_view packet);
/// Appends a packet to a polling payload.
void append_to_payload(std::string& out, std::string_view packet);

/// Events that many sessions share, made once for all sessions of a shard that get the same one after the other.
class shared_events {
public:
    struct made {
        exchange::payload from;
        const socketio_namespace* to = nullptr;
        std::uint64_t offset = 0;  ///< 0: none
        exchange::payload packet;  ///< its text
        exchange::payload frames;  ///< for WebSockets; empty until asked for
    };
    /// Returns a delivery frame of the client protocol as an event; increments `next_offset` (null: there is none) if
    /// the event is made now.
    made& of(const exchange::payload& frame, const socketio_namespace& to, std::uint64_t* next_offset);
    const exchange::payload& frames_of(made& event);

private:
    made last_[4];
    std::size_t next_ = 0;
    std::string room_;
};

}  // namespace bester::clients
