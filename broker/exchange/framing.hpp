#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bester::exchange {

enum class framing_status : std::uint8_t {
    need_more,  ///< all of the input was consumed, and no frame is complete
    complete,   ///< `body` is the body of a frame
    too_large,  ///< the frame is larger than its limit; nothing after it can be decoded
    bad,        ///< the input is no frame; nothing after it can be decoded
};

/// The result of framing::decode().
struct framed {
    framing_status status = framing_status::need_more;
    std::size_t consumed = 0;    ///< bytes of the input that are done with
    std::string_view body = {};  ///< valid until the next call, and followed by wire::json_padding readable bytes
};

/// Cuts a stream into frames in another way than by length words: HTTP, WebSocket. Belongs to the stream, on its
/// shard's thread. It keeps the input of incomplete frames itself.
class framing {
public:
    virtual ~framing() = default;
    /// Returns the next frame of what was kept and `bytes`. It may write to the stream (a WebSocket's pong), or close
    /// it.
    virtual framed decode(std::string_view bytes) = 0;
    /// Makes the next decode() return the last frame once more, because it was not taken.
    virtual void give_again() = 0;
    /// Returns the bytes of memory that it holds for input that is incomplete or was not taken.
    virtual std::size_t held_bytes() const noexcept = 0;
    /// Returns whether a frame has begun and is not complete.
    virtual bool has_begun() const noexcept = 0;
    /// Frees what it holds; decode() must not be called after this.
    virtual void discard() = 0;
};

}  // namespace bester::exchange
