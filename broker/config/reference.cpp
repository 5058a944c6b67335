#include "config/reference.hpp"

#include "config/keys.hpp"
#include "config/value_codec.hpp"

namespace bester::config {
namespace {

std::string_view type_word(value_kind kind) {
    switch (kind) {
        case value_kind::boolean: return "true, false";
        case value_kind::count: return "number";
        case value_kind::automatic_count: return "number, `\"auto\"`";
        case value_kind::duration: return "duration";
        case value_kind::size: return "size";
        case value_kind::name: return "name";
        case value_kind::text: return "text";
        case value_kind::path: return "path";
        case value_kind::mode: return "octal text";
        case value_kind::texts: return "array of texts";
        case value_kind::text_map: return "object of texts";
        case value_kind::duration_map: return "object of durations";
        case value_kind::json: return "any JSON";
        case value_kind::choice:
        case value_kind::choices: break;
    }
    return {};
}

std::string type_text(const key_facts& facts) {
    if (facts.words.empty()) {
        return std::string{type_word(facts.kind)};
    }
    std::string out = facts.kind == value_kind::choices ? "array of " : "";
    for (std::size_t i = 0; i < facts.words.size(); ++i) {
        out += (i > 0 ? ", `\"" : "`\"") + std::string{facts.words[i]} + "\"`";
    }
    return out;
}

std::string bounds_text(const key_facts& facts) {
    switch (facts.kind) {
        case value_kind::count:
        case value_kind::automatic_count:
        case value_kind::duration:
        case value_kind::size:
        case value_kind::duration_map:
            return number_text(facts.kind, facts.least) + " … " + number_text(facts.kind, facts.most);
        default: return {};
    }
}

template <class T>
std::string row(const key<T>& known) {
    const key_facts& facts = known.facts;
    const std::size_t dot = facts.name.find('.');
    const bool is_broker_key = std::is_same_v<T, broker_config>;
    const std::string_view name = is_broker_key ? facts.name.substr(dot + 1) : facts.name;
    const auto written = encode(facts, known.get(T{}));
    const std::string otherwise = !facts.computed.empty() ? std::string{facts.computed}
                                  : written               ? '`' + *written + '`'
                                                          : "none";
    return "| `" + std::string{name} + "` | " + type_text(facts) + " | " + otherwise + " | " + bounds_text(facts) +
           " | " + (facts.takes_effect == effect::on_restart ? "restart" : "reload") + " | " +
           std::string{facts.description} + " |\n";
}

std::string section_head(const std::string& title, std::string_view section) {
    return "\n### " + title + "\n\n" + std::string{section_description(section)} +
           "\n\n| key | type | default | bounds | changes by | meaning |\n|---|---|---|---|---|---|\n";
}

}  // namespace

std::string reference_text() {
    std::string out;
    std::string_view section;
    for (const auto& known : broker_keys()) {
        const std::string_view its = known.facts.name.substr(0, known.facts.name.find('.'));
        if (its != section) {
            section = its;
            out += section_head('`' + std::string{section} + '`', section);
        }
        out += row(known);
    }
    out += section_head("`listeners`: an array of objects", "listeners");
    for (const auto& known : listener_keys()) {
        out += row(known);
    }
    out += section_head("`listeners[].paths.PATH`", "paths");
    for (const auto& known : path_keys()) {
        out += row(known);
    }
    out += section_head("`tokens.NAME`", "tokens");
    for (const auto& known : token_keys()) {
        out += row(known);
    }
    out += section_head("`permissions`: an array of objects", "permissions");
    for (const auto& known : permission_keys()) {
        out += row(known);
    }
    out += section_head("`handlers.NAME`", "handlers");
    for (const auto& known : handler_keys()) {
        out += row(known);
    }
    out += section_head("`peers.NAME`", "peers");
    for (const auto& known : peer_keys()) {
        out += row(known);
    }
    return out + '\n';
}

}  // namespace bester::config
