#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "wire/pattern.hpp"

namespace bester::exchange {

/// What a handler may command: section `handlers.NAME.may` of the config. Lists are of patterns, in
/// which `*` stands for any text. As it stands, everything; links to other servers are closed by
/// their own lists of types.
struct command_rights {
    std::vector<std::string> commands{"*"};
    std::vector<std::string> users{"*"};  ///< recipients as commands name them: "tina", "tina@b", "*"
    std::vector<std::string> groups{"*"};
    std::vector<std::string> handlers{"*"};
    std::vector<std::string> servers{"*"};
    std::size_t rate = 0;  ///< commands a second of one instance; 0: any

    bool operator==(const command_rights&) const = default;

    bool is_everything() const { return *this == command_rights{}; }
    static bool lets(const std::vector<std::string>& patterns, std::string_view text) {
        return std::any_of(patterns.begin(), patterns.end(), [&](const auto& p) { return wire::fits(p, text); });
    }
};

/// How many commands a source may still give: `rate` a second, saved up for one second.
class command_budget {
public:
    bool take(std::size_t rate, std::uint64_t now_ms) noexcept {
        const std::uint64_t most = std::uint64_t{rate} * 1'000;
        left_ = std::min(most, is_new_ ? most : left_ + (now_ms - last_ms_) * rate);
        is_new_ = false;
        last_ms_ = now_ms;
        if (left_ < 1'000) return false;
        left_ -= 1'000;
        return true;
    }

private:
    std::uint64_t left_ = 0;  ///< thousandths of a command
    std::uint64_t last_ms_ = 0;
    bool is_new_ = true;
};

}  // namespace bester::exchange
