#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "measure/byte_queue.hpp"

namespace bester::bench {

/// How what a protocol says is carried over TCP.
enum class carriage {
    plain,               ///< as it is
    websocket_messages,  ///< each frame with a length word is one text message, without the word
    websocket_bytes,     ///< a stream: whatever there is to send is one binary message
};

/// The client's end of one WebSocket connection (RFC 6455): upgrade, masked frames, pings answered.
/// Belongs to one connection and its thread; holds no bytes but the pieces of an unfinished message.
/// Throws wrong_answer for whatever a server must not send, and when the server closes.
///
/// Nothing is negotiated, so there is no compression. The mask is a new one for each frame, as
/// the protocol demands, but not an unpredictable one: the generator has no script to guard
/// against, and has to be cheap.
class websocket_layer {
public:
    websocket_layer(carriage how, std::uint32_t seed) noexcept : how_(how), mask_(seed | 1) {}

    /// Appends the request to upgrade.
    void open(std::string_view path, byte_queue& wire) const;
    /// Moves all of `plain` to `wire`, in messages; nothing before the server has agreed.
    void wrap(byte_queue& plain, byte_queue& wire);
    /// Takes complete frames from the front of `bytes`, appends what they carry to `plain` as the
    /// protocol knows it, answers pings on `wire`, and returns the size of these frames.
    std::size_t unwrap(std::string_view bytes, byte_queue& plain, byte_queue& wire);

private:
    struct frame_head;
    std::size_t take_response(std::string_view bytes);
    void take_frame(const frame_head& head, std::string_view body, byte_queue& plain, byte_queue& wire);
    void append_frame(std::uint8_t opcode, std::string_view body, byte_queue& wire);

    carriage how_;
    std::uint32_t mask_;
    bool is_open_ = false;
    bool is_within_message_ = false;
    std::string pieces_;  ///< of a message whose last fragment has not come
};

}  // namespace bester::bench
