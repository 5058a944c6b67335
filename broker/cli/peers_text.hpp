#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace bester::cli {

/// The document of `peers` in proto-docs/admin.md for people: a row for each server, below it what went
/// wrong last. `now` is held against the times in it. What is missing shows as "-". Pure.
std::string format_peers(const nlohmann::json& peering, std::chrono::system_clock::time_point now);

/// What `bester status` says of it: rows of a name and a text, none where there is no peering.
std::vector<std::vector<std::string>> describe_peering(const nlohmann::json& peering);

}  // namespace bester::cli
