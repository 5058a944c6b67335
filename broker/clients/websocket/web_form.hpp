#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "exchange/payload.hpp"

namespace bester::clients {

/// What a WebSocket's text frames are.
enum class web_form : std::uint8_t {
    protocol,    ///< messages of the client protocol, without length words
    bound_json,  ///< the data of deliveries, nothing else
    bound_text,  ///< the same; a JSON string goes as its text
    engine,      ///< Engine.IO: what an engine_session writes
};

/// The JSON of a frame of the client protocol.
inline std::string_view body_of(std::string_view frame) noexcept { return frame.substr(4); }

/// Where the data stands in the JSON of a delivery without an id, as wire::write_delivery made it.
std::string_view data_of_delivery(std::string_view body) noexcept;
/// And the type, with its quotes.
std::string_view type_of_delivery(std::string_view body) noexcept;

/// The text of a JSON string; of anything else the JSON itself. `room` keeps what had to be put together.
std::string_view text_of(std::string_view data, std::string& room);

/// Turns a frame with a length word, which stands at the beginning of `room`, into a WebSocket's; `room`
/// has web::max_frame_header_size bytes more than the frame. Returns the new size.
std::size_t make_websocket_frame(char* room, std::size_t frame_size) noexcept;

/// Deliveries that many sessions share, in the form of WebSockets: made once for all sessions of a shard
/// that get the same one after the other.
class shared_web_forms {
public:
    /// `frame` as it goes over a WebSocket of this form.
    const exchange::payload& of(const exchange::payload& frame, web_form form);

private:
    struct made {
        exchange::payload from;
        exchange::payload frame;
    };
    made last_[3];
    std::string room_;
};

}  // namespace bester::clients
