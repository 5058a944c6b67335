#pragma once

#include "handlers/channel_host.hpp"
#include "wire/error_code.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace bester::handlers {

inline constexpr int handler_protocol = 1;

/// The first frame of a handler's connection (proto-docs/handler.md, "Starting").
struct hello_message {
    std::string handler;
    std::string token;              ///< first channel of a process that the broker started
    std::string key;                ///< further channels
    std::optional<unsigned> shard;  ///< further channels
    handler_wishes wishes;          ///< first channel
};

/// The reason why a hello is refused; sent as an `error` frame.
struct refusal {
    wire::error_code code = wire::error_code::bad_hello;
    std::string reason;
};

/// The fields of the welcome.
struct welcome_message {
    std::string server;
    std::string handler;
    std::string instance;  ///< "chat#0"
    unsigned shard = 0;
    unsigned shards = 1;
    std::string key;
    std::size_t window = 1;  ///< of this channel
    std::size_t message_size = 0;
    std::size_t recipients = 0;
    std::string config_json = "null";  ///< goes out as it is
};

/// Reads a hello. Pure; fails with protocol_mismatch or bad_hello.
tl::expected<hello_message, refusal> parse_hello(std::string_view json);
std::string encode(const welcome_message& message);
std::string encode(const refusal& error);

/// One frame: the length in 4 bytes, little-endian, then the JSON.
std::string frame_of(std::string_view json);

}  // namespace bester::handlers
