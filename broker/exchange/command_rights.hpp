#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "wire/pattern.hpp"
#include "wire/token_bucket.hpp"

namespace bester::exchange {

/// What a handler may command: section `handlers.NAME.may` of the config. Lists are of patterns, in which `*` stands
/// for any text. The default allows everything; links to other servers have lists of types of their own.
struct command_rights {
    std::vector<std::string> commands{"*"};
    std::vector<std::string> users{"*"};  ///< recipients as commands name them: "tina", "tina@b", "*"
    std::vector<std::string> groups{"*"};
    std::vector<std::string> handlers{"*"};
    std::vector<std::string> servers{"*"};
    std::size_t rate = 0;  ///< commands a second of one instance; 0: any

    bool operator==(const command_rights&) const = default;

    /// A shard's equal part of an instance's rate.
    wire::rate rate_of_shard(unsigned shards) const noexcept {
        return {static_cast<std::uint32_t>((rate + shards - 1) / shards)};
    }
    bool is_everything() const { return *this == command_rights{}; }
    static bool lets(const std::vector<std::string>& patterns, std::string_view text) {
        return std::any_of(patterns.begin(), patterns.end(), [&](const auto& p) { return wire::fits(p, text); });
    }
};

}  // namespace bester::exchange
