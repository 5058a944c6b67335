#include <nlohmann/json.hpp>

#include "config/keys.hpp"
#include "config/load.hpp"
#include "config/reference.hpp"
#include "config/value_codec.hpp"

namespace bester::config {
namespace {

using nlohmann::ordered_json;

constexpr std::string_view duration_pattern = "^[0-9]+(ms|s|m|h)$";
constexpr std::string_view size_pattern = "^[0-9]+([KMGT]i?)?B$";
constexpr std::string_view peer_pattern = "^([A-Za-z0-9._-]{1,64}|[*])$";
constexpr std::string_view name_pattern = "^[A-Za-z0-9._-]{1,64}$";

ordered_json with_pattern(std::string_view pattern) { return {{"type", "string"}, {"pattern", pattern}}; }

ordered_json bounded_integer(const key_facts& facts) {
    return {{"type", "integer"}, {"minimum", facts.least}, {"maximum", facts.most}};
}

ordered_json list_of(ordered_json items, const key_facts& facts) {
    ordered_json schema{{"type", "array"}, {"items", std::move(items)}};
    if (facts.least > 0) {
        schema["minItems"] = facts.least;
    }
    if (facts.most < std::numeric_limits<std::uint64_t>::max()) {
        schema["maxItems"] = facts.most;
    }
    return schema;
}

ordered_json map_of(ordered_json items) {
    return {{"type", "object"}, {"maxProperties", largest_map}, {"additionalProperties", std::move(items)}};
}

ordered_json kind_schema(const key_facts& facts) {
    switch (facts.kind) {
        case value_kind::boolean: return {{"type", "boolean"}};
        case value_kind::count: return bounded_integer(facts);
        case value_kind::automatic_count: return {{"anyOf", {{{"const", "auto"}}, bounded_integer(facts)}}};
        case value_kind::duration: return with_pattern(duration_pattern);
        case value_kind::size: return with_pattern(size_pattern);
        case value_kind::name: return with_pattern(name_pattern);
        case value_kind::text:
        case value_kind::path: return {{"type", "string"}, {"minLength", 1}};
        case value_kind::choice: return {{"enum", facts.words}};
        case value_kind::mode: return with_pattern("^0?[0-7]{3}$");
        case value_kind::texts: return list_of({{"type", "string"}}, facts);
        case value_kind::choices: return list_of({{"enum", facts.words}}, facts);
        case value_kind::text_map: return map_of({{"type", "string"}});
        case value_kind::duration_map: return map_of(with_pattern(duration_pattern));
        case value_kind::json: return ordered_json::object();
    }
    return ordered_json::object();
}

std::string bounds_in_words(const key_facts& facts) {
    const bool has_unit =
        facts.kind == value_kind::duration || facts.kind == value_kind::size || facts.kind == value_kind::duration_map;
    return has_unit
               ? " From " + number_text(facts.kind, facts.least) + " to " + number_text(facts.kind, facts.most) + "."
               : "";
}

ordered_json key_schema(const key_facts& facts, const std::optional<std::string>& written_default) {
    ordered_json schema = kind_schema(facts);
    schema["description"] = std::string{facts.description} + bounds_in_words(facts);
    if (facts.computed.empty() && written_default) {
        schema["default"] = ordered_json::parse(*written_default);
    }
    return schema;
}

ordered_json object_schema() {
    return {{"type", "object"}, {"additionalProperties", false}, {"properties", ordered_json::object()}};
}

template <class T>
ordered_json table_schema(const std::vector<key<T>>& keys) {
    ordered_json schema = object_schema();
    for (const auto& known : keys) {
        ordered_json* level = &schema;
        std::string_view name = known.facts.name;
        for (std::size_t dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.')) {
            const std::string section{name.substr(0, dot)};
            ordered_json& within = (*level)["properties"][section];
            if (within.is_null()) {
                within = object_schema();
                within["description"] = section_description(section);
            }
            level = &within;
            name.remove_prefix(dot + 1);
        }
        (*level)["properties"][std::string{name}] = key_schema(known.facts, encode(known.facts, known.get(T{})));
    }
    return schema;
}

ordered_json listener_schema() {
    ordered_json listener = table_schema(listener_keys());
    listener["properties"]["paths"] = {{"type", "object"},
                                       {"description", section_description("paths")},
                                       {"propertyNames", {{"pattern", "^/"}}},
                                       {"additionalProperties", table_schema(path_keys())}};
    return listener;
}

ordered_json handlers_schema() {
    ordered_json handler = table_schema(handler_keys());
    handler["oneOf"] = ordered_json::array({
        {{"required", {"command"}}},
        {{"required", {"socket"}}, {"not", {{"required", {"start"}}}}},
        {{"required", {"start"}},
         {"properties", {{"start", {{"const", "manual"}}}}},
         {"not", {{"required", {"socket"}}}}},
    });
    return {{"type", "object"},
            {"description", section_description("handlers")},
            {"maxProperties", most_handlers},
            {"propertyNames", {{"pattern", name_pattern}}},
            {"additionalProperties", std::move(handler)}};
}

ordered_json peers_schema() {
    return {{"type", "object"},
            {"description", section_description("peers")},
            {"maxProperties", most_peers},
            {"propertyNames", {{"pattern", peer_pattern}}},
            {"additionalProperties", table_schema(peer_keys())}};
}

}  // namespace

std::string json_schema() {
    ordered_json schema{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                        {"title", "bester configuration"},
                        {"description", "Generated by bester check --schema; the guide is proto-docs/config.md."}};
    schema.update(table_schema(broker_keys()));
    schema["properties"]["$schema"] = {{"type", "string"}, {"description", "For editors; the broker ignores it."}};
    schema["properties"]["listeners"] = {{"type", "array"},
                                         {"description", section_description("listeners")},
                                         {"minItems", 1},
                                         {"maxItems", most_listeners},
                                         {"items", listener_schema()}};
    schema["properties"]["tokens"] = {{"type", "object"},
                                      {"description", section_description("tokens")},
                                      {"maxProperties", most_token_issuers},
                                      {"propertyNames", {{"pattern", name_pattern}}},
                                      {"additionalProperties", table_schema(token_keys())}};
    ordered_json rule = table_schema(permission_keys());
    rule["required"] = {"types"};
    schema["properties"]["permissions"] = {{"type", "array"},
                                           {"description", section_description("permissions")},
                                           {"maxItems", most_permissions},
                                           {"items", std::move(rule)}};
    schema["properties"]["handlers"] = handlers_schema();
    schema["properties"]["peers"] = peers_schema();
    return schema.dump(2) + '\n';
}

}  // namespace bester::config
