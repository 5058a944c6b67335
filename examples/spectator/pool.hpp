// What can be fetched of the guilds: one, all, or by search, in pages. Pure.
#pragma once

#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "guilds.hpp"

namespace spectator {

/// Answers what the gateway has checked and passed on: `of`, `get`, `guild`, `item`, `text`, `limit`,
/// `cursor`, and of guilds which ones may be seen. The answer is `{"item":…}` or
/// `{"items":[…],"total":…,"cursor":…}`; the cursor is null at the end. Pages are in the order in
/// which things were made, so that what comes and goes meanwhile moves nothing to another page.
/// Throws mistake{"not_found"} and {"bad_request"}.
nlohmann::json fetch(const std::vector<guild>& guilds, const nlohmann::json& wish);

}  // namespace spectator
