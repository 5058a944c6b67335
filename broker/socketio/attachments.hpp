#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "wire/json_reader.hpp"

namespace bester::socketio {

/// Binary arguments. On the wire of Socket.IO they follow the packet as frames of their own, and its data has
/// {"_placeholder":true,"num":0} for the first. Handlers see and write {"_binary":"<base64>"} instead. All other bytes
/// of the data stay unchanged. Pure; each function copies the data, since attachments are rare.

enum class attachment_error : std::uint8_t {
    not_json,     ///< or nested too deep for the reader
    bad_place,    ///< a placeholder without a number, or with one that is out of range
    unused,       ///< a body without a placeholder
    too_large,    ///< the result, or all bodies together
    too_many,     ///< most_attachments
    interrupted,  ///< a text between the bodies
    unexpected,   ///< a body that belongs to no packet
};
std::string_view to_string(attachment_error error) noexcept;

/// Returns a client's data with the bodies in it, at most `max_size` bytes. A placeholder is an object in which
/// "_placeholder" is true, as for JavaScript's parser. Each body must be used at least once. The text is followed by
/// wire::json_padding readable bytes.
tl::expected<std::string, attachment_error> join_attachments(wire::json_reader& reader, std::string_view data,
                                                             std::span<const std::string> bodies, std::size_t max_size);

/// Data without its bodies, and the bodies.
struct split_data {
    std::string data;  ///< with placeholders
    std::vector<std::string> bodies;
};

/// Returns whether there may be binary arguments in this data, by one quick scan.
bool may_have_attachments(std::string_view data) noexcept;

/// Splits data for a client: takes out each object whose only field is "_binary" with base64 as its value; others of
/// that name stay. If there is none, `bodies` is empty and the data unchanged. A field "_placeholder" that is true
/// becomes 1, so that no other data is taken for an attachment. `not_json` is the only error.
tl::expected<split_data, attachment_error> split_attachments(wire::json_reader& reader, std::string_view data);

}  // namespace bester::socketio
