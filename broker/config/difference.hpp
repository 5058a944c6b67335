#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/broker_config.hpp"

namespace bester::config {

/// One key that differs between two configs, its values as JSON text. Without `before` it was
/// added, without `after` removed: a whole listener or handler, or a key that has no default.
struct change {
    std::string path;  ///< `handlers.chat.deadline`
    std::optional<std::string> before;
    std::optional<std::string> after;
    bool needs_restart = false;

    bool operator==(const change&) const = default;
};

/// Returns the changes of a reload from `running` to `wanted`, by the tables of keys. Pure. A reload is one
/// transaction: if any change needs a restart, nothing must be applied.
std::vector<change> diff(const broker_config& running, const broker_config& wanted);

/// `handlers.chat.deadline: "5s" -> "2s"`, and that it needs a restart if it does.
std::string format(const change& one);

}  // namespace bester::config
