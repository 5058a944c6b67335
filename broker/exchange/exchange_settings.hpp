#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace bester::exchange {

/// The largest exchange_limits::json_depth.
inline constexpr std::size_t most_json_depth = 1'024;

/// Limits of the exchange itself; keys of the config's `limits` section, changed by a reload.
struct exchange_limits {
    std::size_t json_depth = 64;  ///< nesting of objects and arrays in a client's message
    std::size_t groups = 1'000;   ///< most groups of one session
    unsigned hops = 8;            ///< most handlers that may pass a message on, one to the next

    bool operator==(const exchange_limits&) const = default;
};

/// Settings that all shards of a broker share: made before the shards, outlive them, and never change.
struct exchange_settings {
    std::string server_name;
    unsigned shards = 1;
    exchange_limits limits{};  ///< limits at the start; see shard::apply
};

}  // namespace bester::exchange
