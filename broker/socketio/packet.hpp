#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <tl/expected.hpp>

namespace bester::socketio {

/// Types of Socket.IO packets, version 5; the values are the digits on the wire.
enum class packet_type : std::uint8_t { connect, disconnect, event, ack, connect_error, binary_event, binary_ack };

inline constexpr std::size_t longest_namespace = 256;
inline constexpr std::uint32_t most_attachments = 64;

/// One Socket.IO packet. A value; its views point into the text that it was decoded from.
struct packet_view {
    packet_type type = packet_type::event;
    std::uint32_t attachments = 0;         ///< binary bodies that follow; at least 1 if the type is binary
    std::optional<std::uint64_t> id = {};  ///< number of the acknowledgement
    std::string_view name_space = "/";     ///< without a query
    std::string_view data = {};            ///< JSON, of which only the first byte has been checked

    bool is_binary() const noexcept { return type == packet_type::binary_event || type == packet_type::binary_ack; }
    bool operator==(const packet_view&) const = default;
};

/// Why a text is not a packet.
enum class packet_error : std::uint8_t {
    bad_type,              ///< empty, or an unknown type
    bad_attachments,       ///< no number and '-'
    too_many_attachments,  ///< more than most_attachments
    bad_namespace,         ///< longer than longest_namespace, or with control characters
    bad_id,                ///< more than 19 digits, a leading zero, missing (ack), or not allowed
    bad_data,              ///< not the kind of JSON value that the type requires
};
std::string_view to_string(packet_error error) noexcept;

/// Reads the text of an Engine.IO message. Does not allocate, and checks only the first byte of the data. Stricter than
/// JavaScript's parser in one point: a number has no leading zeros.
tl::expected<packet_view, packet_error> decode_packet(std::string_view text) noexcept;

/// Returns whether this can be a namespace ("/", "/admin"): it begins with '/', holds neither ',' nor '?' nor control
/// characters, and is not longer than longest_namespace.
bool is_namespace(std::string_view name) noexcept;

/// Room for any prefix.
inline constexpr std::size_t prefix_room = longest_namespace + 32;

/// Writes the prefix before the data, with Engine.IO's digit of a message: "42", "43/admin,17", "451-/admin,". `room`
/// has prefix_room bytes; the namespace is one for which is_namespace holds. Returns the number of bytes; the packet is
/// the prefix and the data.
std::size_t write_prefix(const packet_view& packet, char* room) noexcept;

}  // namespace bester::socketio
