#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "wire/frame.hpp"

namespace bester::wire {

// The frames of a link between two servers, after their length (wire/frame.hpp). All numbers are
// little-endian. proto-docs/peering.md.

/// Above the largest flow id and sequence number, so that counting on never wraps.
inline constexpr std::uint64_t number_limit = std::uint64_t{1} << 63;

/// Links that a frame may cross after its first one; what says more has this many.
inline constexpr std::uint8_t most_hops_left = 15;

/// Why a frame or a message body is refused.
enum class link_error : std::uint8_t {
    none,
    truncated,          ///< it ends before its last field does
    trailing_bytes,     ///< it goes on after its last field
    unknown_kind,       ///< of the frame
    unknown_operation,  ///< of the message
    bad_name,           ///< of a server, user or session: empty, too long, or with bytes that no name has
    bad_token,          ///< a type or an id is no JSON string, or too long
    bad_data,           ///< there is none, or it is no JSON
    bad_code,           ///< an error code or a reason that is none
    bad_number,         ///< outside of what the field may be
    too_many_users,
};
std::string_view to_string(link_error error) noexcept;

/// Where a frame of a flow goes. `number` is a message's sequence, or the `next` of an acknowledgement
/// or a probe. A flow goes from `origin` to `destination`; its acknowledgements travel the other way.
struct flow_header {
    std::uint8_t hops_left = 0;
    std::string_view origin;
    std::string_view destination;
    std::uint64_t flow = 0;
    std::uint64_t number = 0;

    bool operator==(const flow_header&) const = default;
};

/// What an acknowledgement says beside `next`, the first sequence that has not arrived.
enum class acknowledgement_kind : std::uint8_t {
    arrived,  ///< all below `next` have arrived
    rewind,   ///< and what came then did not follow: send again from `next`
    unknown,  ///< the flow is not known here; `next` is the lowest flow id that would be
};

// The frames. Views point into the frame; hello, goodbye and advert are JSON that is not looked at here.
struct hello_frame {
    std::string_view json;
};
struct goodbye_frame {
    std::string_view json;
};
struct ping_frame {
    std::uint64_t token = 0;
};
struct pong_frame {
    std::uint64_t token = 0;
};
struct message_frame {
    flow_header header;
    std::string_view body;
};  ///< the body is not looked at
struct acknowledgement_frame {
    flow_header header;
    acknowledgement_kind kind{};
};
struct probe_frame {
    flow_header header;
};
struct advert_frame {
    std::string_view json;
};

using link_frame = std::variant<hello_frame, goodbye_frame, ping_frame, pong_frame, message_frame,
                                acknowledgement_frame, probe_frame, advert_frame>;

/// Reads one frame's body in place. Pure, takes no memory; `frame` is as it was if there is an error.
/// A message's own body is read by decode_link_message (wire/link_message.hpp), at its destination only.
link_error decode_link_frame(std::string_view body, link_frame& frame) noexcept;

/// Appends a frame with its length. The names must be names (wire/names.hpp), the numbers below
/// number_limit: what decode_link_frame refuses ends the link.
void append_link_frame(std::string& out, const link_frame& frame);

/// Size of a message's frame, with its length, around a body of `body_size`.
std::size_t message_frame_size(const flow_header& header, std::size_t body_size) noexcept;
/// Writes a message as a whole frame at `out`; returns its end.
char* write_message_frame(char* out, const flow_header& header, std::string_view body) noexcept;

/// Changes hops_left of a message, acknowledgement or probe in place, in transit.
inline void set_hops_left(char* frame_body, std::uint8_t hops_left) noexcept {
    frame_body[1] = static_cast<char>(hops_left);
}

}  // namespace bester::wire
