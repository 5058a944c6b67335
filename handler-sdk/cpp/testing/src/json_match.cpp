#include <bester/testing/json_match.hpp>

#include <algorithm>
#include <regex>
#include <stdexcept>

namespace bester::testing {

namespace {

using json = nlohmann::ordered_json;

std::string place(const std::string& path, const std::string& field) {
    return path.empty() ? field : path + "." + field;
}

bool is_matcher(const json& expected) {
    return expected.is_object() && expected.size() == 1 && expected.begin().key().starts_with("$");
}

void match_kind(const json& expected, const json& got, const std::string& path, std::vector<difference>& found) {
    const json& kind = expected.begin().value();
    if (kind == true) return;
    if (!kind.is_string()) throw std::invalid_argument{"$any is true or the name of a kind, not " + kind.dump()};
    const std::string name = got.is_number() ? "number" : got.type_name();
    if (name != kind.get<std::string>()) found.push_back({path, "any " + kind.get<std::string>(), got.dump()});
}

void match_text(const json& expected, const json& got, const std::string& path, std::vector<difference>& found) {
    const auto pattern = expected.begin().value().get<std::string>();
    if (!got.is_string() || !std::regex_match(got.get<std::string>(), std::regex{pattern}))
        found.push_back({path, "a string like " + pattern, got.dump()});
}

void match_object(const json& expected, const json& got, const std::string& path, std::vector<difference>& found) {
    for (const auto& [field, value] : expected.items()) {
        const auto there = got.find(field);
        if (there == got.end()) found.push_back({place(path, field), value.dump(), "nothing"});
        else match(value, *there, place(path, field), found);
    }
    for (const auto& [field, value] : got.items())
        if (!expected.contains(field)) found.push_back({place(path, field), "nothing", value.dump()});
}

void match_array(const json& expected, const json& got, const std::string& path, std::vector<difference>& found) {
    for (std::size_t i = 0; i < std::max(expected.size(), got.size()); ++i) {
        const std::string element = path + "[" + std::to_string(i) + "]";
        if (i >= got.size()) found.push_back({element, expected[i].dump(), "nothing"});
        else if (i >= expected.size()) found.push_back({element, "nothing", got[i].dump()});
        else match(expected[i], got[i], element, found);
    }
}

}  // namespace

void match(const json& expected, const json& got, const std::string& path, std::vector<difference>& found) {
    if (is_matcher(expected)) {
        const auto& name = expected.begin().key();
        if (name == "$any") return match_kind(expected, got, path, found);
        if (name == "$matches") return match_text(expected, got, path, found);
        throw std::invalid_argument{"\"" + name + "\" is no matcher: use $any or $matches"};
    }
    if (expected.is_object() && got.is_object()) return match_object(expected, got, path, found);
    if (expected.is_array() && got.is_array()) return match_array(expected, got, path, found);
    if (expected != got) found.push_back({path, expected.dump(), got.dump()});
}

}  // namespace bester::testing
