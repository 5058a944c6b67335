#include "cli/document_text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>

#include <nlohmann/json.hpp>

#include "cli/terminal.hpp"

namespace bester::cli {
namespace {

using nlohmann::json;

std::string one_line(const std::string& text) {
    std::string line = printable(text);
    std::replace_if(
        line.begin(), line.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
    return line;
}

const json* find(const json& object, const char* key) {
    if (!object.is_object()) return nullptr;
    const auto found = object.find(key);
    return found == object.end() ? nullptr : &*found;
}

}  // namespace

std::string text_of(const json& object, const char* key) {
    const json* const found = find(object, key);
    if (found == nullptr || found->is_null()) return "-";
    if (!found->is_string()) return found->dump(-1, ' ', false, json::error_handler_t::replace);
    const auto& text = found->get_ref<const std::string&>();
    return text.empty() ? "-" : one_line(text);
}

json array_of(const json& object, const char* key) {
    const json* const found = find(object, key);
    return found != nullptr && found->is_array() ? *found : json::array();
}

json object_of(const json& object, const char* key) {
    const json* const found = find(object, key);
    return found != nullptr && found->is_object() ? *found : json::object();
}

std::int64_t number_of(const json& object, const char* key, std::int64_t otherwise) {
    const json* const found = find(object, key);
    if (found == nullptr || !found->is_number_integer()) return otherwise;
    const bool is_too_large = found->is_number_unsigned() &&
                              found->get<std::uint64_t>() > std::uint64_t{std::numeric_limits<std::int64_t>::max()};
    return is_too_large ? otherwise : found->get<std::int64_t>();
}

std::string joined(const json& texts) {
    std::string result;
    for (const auto& text : texts) {
        if (!text.is_string()) continue;
        if (!result.empty()) result += ", ";
        result += one_line(text.get<std::string>());
    }
    return result.empty() ? "-" : result;
}

std::string span_text(std::chrono::milliseconds span) {
    const auto seconds = std::max<std::int64_t>(span.count(), 0) / 1'000;
    const auto part = [](std::int64_t count, const char* unit) { return std::to_string(count) + " " + unit; };
    if (seconds < 60) return part(seconds, "s");
    if (seconds < 3'600) return part(seconds / 60, "min") + " " + part(seconds % 60, "s");
    if (seconds < 86'400) return part(seconds / 3'600, "h") + " " + part(seconds / 60 % 60, "min");
    return part(seconds / 86'400, "d") + " " + part(seconds / 3'600 % 24, "h");
}

std::string bytes_text(std::uint64_t bytes) {
    static constexpr std::array<const char*, 4> units{"KiB", "MiB", "GiB", "TiB"};
    if (bytes < 1'024) return std::to_string(bytes) + " B";
    double amount = static_cast<double>(bytes) / 1'024;
    std::size_t unit = 0;
    for (; amount >= 1'023.95 && unit + 1 < units.size(); ++unit) amount /= 1'024;
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%.1f %s", amount, units[unit]);
    return text.data();
}

}  // namespace bester::cli
