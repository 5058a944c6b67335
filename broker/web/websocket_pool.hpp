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

/// What a decoder holds of a message that has come in part.
struct held_message {
    padded_buffer data;                            ///< unmasked
    std::array<char, max_control_size> control{};  ///< a control frame that came in part, too
    std::uint8_t control_size = 0;
};

/// What the websocket_decoders of a shard have in common, so that an idle one needs nothing of its own:
/// wslay, zlib, and the buffers of messages that are being received. One a shard, on its thread; outlives
/// its decoders.
class websocket_pool {
public:
    websocket_pool();
    ~websocket_pool();
    websocket_pool(const websocket_pool&) = delete;
    websocket_pool& operator=(const websocket_pool&) = delete;

    /// For messages that are sent.
    message_deflater& deflater() noexcept { return deflater_; }
    /// How many decoders have part of a message.
    std::size_t held() const noexcept { return held_; }

private:
    friend class websocket_decoder;

    /// Empty.
    std::unique_ptr<held_message> take();
    /// The one that gave_back() had last if `body` lies in it, as it is.
    std::unique_ptr<held_message> take_again(std::string_view body);
    /// Its bytes stay as they are until the next one is given back.
    void give_back(std::unique_ptr<held_message> message);

    frame_header_reader headers_;
    message_deflater deflater_;
    message_inflater inflater_;
    padded_buffer scratch_;               ///< for messages that come whole, and for control frames
    std::unique_ptr<held_message> last_;  ///< somebody may still look at it
    std::vector<std::unique_ptr<held_message>> free_;
    std::size_t held_ = 0;
};

}  // namespace bester::web
