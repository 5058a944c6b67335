#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bester::exchange {

enum class framing_status : std::uint8_t {
    need_more,  ///< everything was consumed, and no frame is complete
    complete,   ///< `body` is one
    too_large,  ///< framing is lost, for these two
    bad,
};

/// What framing::decode found.
struct framed {
    framing_status status = framing_status::need_more;
    std::size_t consumed = 0;    ///< bytes of the input that are not to be given again
    std::string_view body = {};  ///< until the next call; wire::json_padding bytes after it can be read
};

/// How a stream is cut into frames, where that is not by length words: HTTP, WebSocket. Belongs to the
/// stream, used on its shard's thread. What is incomplete it keeps itself.
class framing {
public:
    virtual ~framing() = default;
    /// The next frame, beginning with what was kept. It may write answers of its own kind to the stream,
    /// or close it.
    virtual framed decode(std::string_view bytes) = 0;
    /// The last frame was not taken: the next call gives it once more.
    virtual void give_again() = 0;
    /// Memory that it holds of what is not complete, or was not taken.
    virtual std::size_t held_bytes() const noexcept = 0;
    /// Has a frame begun that is not complete?
    virtual bool has_begun() const noexcept = 0;
    /// Drops what it holds, for good: decode() is not called again.
    virtual void discard() = 0;
};

}  // namespace bester::exchange
