#pragma once

#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "clients/login/access_rules.hpp"
#include "config/broker_config.hpp"

namespace bester::cli {

/// Returns the access rules of the config, with the keys of tokens from their files. Blocks; for start and reload. The
/// error names the entry and the mistake.
tl::expected<std::shared_ptr<const clients::access_rules>, std::string> make_access_rules(
    const config::broker_config& config);

/// The same, but throws on an error.
std::shared_ptr<const clients::access_rules> must_make_access_rules(const config::broker_config& config);

}  // namespace bester::cli
