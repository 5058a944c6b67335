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

/// Binary arguments. On the wire of Socket.IO they follow the packet as frames of their own, and in its data
/// stands {"_placeholder":true,"num":0} for the first. Handlers see and write {"_binary":"<base64>"} instead. All
/// other bytes of the data stay as they are. Pure; each function takes a copy of the data, as it is not the
/// usual way.

enum class attachment_error : std::uint8_t {
    not_json,     ///< or nested too deep for the reader
    bad_place,    ///< a placeholder without a number, or with one that is out of range
    unused,       ///< a body without a placeholder
    too_large,    ///< what came of it, or all bodies together
    too_many,     ///< most_attachments
    interrupted,  ///< a text between the bodies
    unexpected,   ///< a body that belongs to no packet
};
std::string_view to_string(attachment_error error) noexcept;

/// From the client: data with the bodies in it. Nothing is built that is larger than `max_size`. A placeholder is
/// what JavaScript's parser takes for one: an object in which "_placeholder" is true. Each body is used once or more.
/// After the text wire::json_padding bytes can be read.
tl::expected<std::string, attachment_error> join_attachments(wire::json_reader& reader, std::string_view data,
                                                             std::span<const std::string> bodies, std::size_t max_size);

/// Data and what was taken out of it.
struct split_data {
    std::string data;  ///< with placeholders
    std::vector<std::string> bodies;
};

/// Could there be binary arguments in this data? One quick scan; mostly not, and then there is nothing to split.
bool may_have_attachments(std::string_view data) noexcept;

/// To the client: takes each object out whose one field is "_binary" with base64 as its value; others of that name
/// stay. If there is none, `bodies` is empty and the data as it was. A field "_placeholder" that is true becomes 1,
/// so that nobody's data is taken for an attachment. `not_json` is the only error.
tl::expected<split_data, attachment_error> split_attachments(wire::json_reader& reader, std::string_view data);

}  // namespace bester::socketio
