#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace bester::testing {

/// One difference between the actual and the expected JSON. A plain value.
struct difference {
    std::string path;      ///< e.g. "commands[0].data.text"
    std::string expected;  ///< JSON, or words
    std::string got;
};

/// Compares JSON: objects field by field, arrays element by element. In what is expected,
/// `{"$any":true}` matches everything, `{"$any":"string"}` (number, boolean, object, array, null)
/// everything of that kind, `{"$matches":"REGEX"}` strings that match as a whole. Appends every
/// difference to `found`. Throws std::invalid_argument for a matcher that is none. Pure.
void match(const nlohmann::ordered_json& expected, const nlohmann::ordered_json& got, const std::string& path,
           std::vector<difference>& found);

}  // namespace bester::testing
