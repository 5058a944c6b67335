#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace bester::cli {

/// The status document of proto-docs/admin.md for people. Members that are missing show as "-", so
/// that brokers of other versions can be asked. Pure.
std::string format_status(const nlohmann::json& status);

/// Its `handlers` as a table, a row for each instance.
std::string format_handlers(const nlohmann::json& handlers);

}  // namespace bester::cli
