#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "web/padded_buffer.hpp"

namespace bester::web {

/// The window for compression, in bits: small, because each message is compressed alone and most are short, and because
/// clients may ask for a small one.
inline constexpr int deflate_window_bits = 12;

/// Compresses messages for permessage-deflate without context takeover (RFC 7692): each message by itself. One for each
/// shard, on its thread; makes its stream when it is first used, and keeps its buffer.
class message_deflater {
public:
    message_deflater();
    ~message_deflater();
    message_deflater(const message_deflater&) = delete;
    message_deflater& operator=(const message_deflater&) = delete;

    /// Returns the body of the frame without the 00 00 ff ff at its end; valid until the next call.
    std::string_view deflate(std::string_view message);

private:
    struct stream;
    std::unique_ptr<stream> stream_;
    padded_buffer out_;
};

enum class inflate_status : std::uint8_t {
    done,
    bad,        ///< not a deflated message, or not a whole one
    too_large,  ///< it would be longer than the limit
};

/// Decompresses such messages. A block that is marked as the last, which RFC 7692 allows, does not end the message.
class message_inflater {
public:
    message_inflater();
    ~message_inflater();
    message_inflater(const message_inflater&) = delete;
    message_inflater& operator=(const message_inflater&) = delete;

    /// `message` is valid until the next call, with wire::json_padding bytes after it. Takes no more
    /// memory than about twice what the message needs, or the limit.
    inflate_status inflate(std::string_view body, std::size_t limit, std::string_view& message);

private:
    struct stream;
    std::unique_ptr<stream> stream_;
    padded_buffer out_;
};

}  // namespace bester::web
