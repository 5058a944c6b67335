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
    std::uint32_t attachments = 0;         ///< binary bodies that follow; 1 at least where the type is binary
    std::optional<std::uint64_t> id = {};  ///< of the acknowledgement
    std::string_view name_space = "/";     ///< without a query
    std::string_view data = {};            ///< JSON as it came; only its first byte has been looked at

    bool is_binary() const noexcept { return type == packet_type::binary_event || type == packet_type::binary_ack; }
    bool operator==(const packet_view&) const = default;
};

/// Why a text is no packet.
enum class packet_error : std::uint8_t {
    bad_type,              ///< empty, or an unknown type
    bad_attachments,       ///< no number and '-'
    too_many_attachments,  ///< more than most_attachments
    bad_namespace,         ///< longer than longest_namespace, or with control characters
    bad_id,                ///< more than 19 digits, a zero before others, missing (ack), or where none belongs
    bad_data,              ///< not the kind of JSON value that the type has
};
std::string_view to_string(packet_error error) noexcept;

/// Reads the text of an Engine.IO message. Takes no memory, and looks at no byte of the data but the first.
/// Stricter than JavaScript's parser where that matters not: a number has no zeros before it.
tl::expected<packet_view, packet_error> decode_packet(std::string_view text) noexcept;

/// Can this be a namespace ("/", "/admin")? It begins with '/', holds neither ',' nor '?' nor control characters,
/// and is not longer than longest_namespace.
bool is_namespace(std::string_view name) noexcept;

/// Room for any prefix.
inline constexpr std::size_t prefix_room = longest_namespace + 32;

/// Writes what stands before the data, with Engine.IO's digit of a message: "42", "43/admin,17",
/// "451-/admin,". `room` has prefix_room bytes; the namespace is one for which is_namespace holds. Returns how
/// many were written. The packet is these and the data.
std::size_t write_prefix(const packet_view& packet, char* room) noexcept;

}  // namespace bester::socketio
