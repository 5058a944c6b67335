#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "web/deflate.hpp"
#include "web/frame_header_reader.hpp"
#include "web/padded_buffer.hpp"
#include "web/websocket_frame.hpp"

namespace bester::web {

/// The memory of a decoder for an incomplete message.
struct held_message {
    padded_buffer data;                            ///< unmasked
    std::array<char, max_control_size> control{};  ///< an incomplete control frame
    std::uint8_t control_size = 0;
};

/// The state that the websocket_decoders of a shard share, so that an idle one needs none of its own: wslay, zlib, and
/// the buffers of messages that are being received. One for each shard, on its thread; outlives its decoders.
class websocket_pool {
public:
    websocket_pool();
    ~websocket_pool();
    websocket_pool(const websocket_pool&) = delete;
    websocket_pool& operator=(const websocket_pool&) = delete;

    /// Returns the compressor for messages that are sent.
    message_deflater& deflater() noexcept { return deflater_; }
    /// Returns how many decoders hold a part of a message.
    std::size_t held() const noexcept { return held_; }

private:
    friend class websocket_decoder;

    /// Returns an empty one.
    std::unique_ptr<held_message> take();
    /// Returns the one that was given back last, unchanged, if `body` is in it.
    std::unique_ptr<held_message> take_again(std::string_view body);
    /// Takes one back; its bytes stay unchanged until the next one is given back.
    void give_back(std::unique_ptr<held_message> message);

    frame_header_reader headers_;
    message_deflater deflater_;
    message_inflater inflater_;
    padded_buffer scratch_;               ///< for messages that arrive whole, and for control frames
    std::unique_ptr<held_message> last_;  ///< a view of it may still be in use
    std::vector<std::unique_ptr<held_message>> free_;
    std::size_t held_ = 0;
};

}  // namespace bester::web
