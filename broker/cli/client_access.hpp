#pragma once

#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "clients/login/access_rules.hpp"
#include "config/broker_config.hpp"

namespace bester::cli {

/// What the config asks of clients, with the keys of tokens as their files have them now. Blocks; for start and
/// reload. The error names the entry and what is wrong with it.
tl::expected<std::shared_ptr<const clients::access_rules>, std::string> make_access_rules(
    const config::broker_config& config);

/// The same, where an error is the end.
std::shared_ptr<const clients::access_rules> must_make_access_rules(const config::broker_config& config);

}  // namespace bester::cli
