// Checks of log-ins, tokens and permissions that concern several keys.
#include <algorithm>

#include "access/token_verifier.hpp"
#include "config/entry_checks.hpp"
#include "config/load.hpp"
#include "config/object_reader.hpp"
#include "wire/names.hpp"

namespace bester::config {
namespace {

void read_tokens(const json_value& root, broker_config& config, const reading& context) {
    const json_member* const section = root.find("tokens");
    if (section == nullptr || !expect_object(section->value, "tokens", context)) {
        return;
    }
    if (section->value.members.size() > most_token_issuers) {
        context.mistake(section->value.begin, "tokens",
                        "must have at most " + std::to_string(most_token_issuers) + " entries");
        return;
    }
    const object_reader<token_issuer> reader{token_keys(), {}, context};
    for (const json_member& member : section->value.members) {
        const std::string path = path_to("tokens", member.name);
        if (!wire::is_name(member.name)) {
            context.mistake(member.begin, path,
                            excerpt(member.name) + " is not " + std::string{kind_description(value_kind::name)});
        }
        token_issuer issuer;
        issuer.name = member.name;
        reader.read(member.value, path, issuer);
        if (member.value.kind != json_kind::object) {
            continue;
        }
        const auto loaded = access::token_verifier::load(issuer.settings);
        if (!loaded) {
            for (const std::string& words : loaded.error()) {
                context.mistake(member.value.begin, path, words);
            }
        }
        config.tokens.push_back(std::move(issuer));
    }
    std::sort(config.tokens.begin(), config.tokens.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
}

void check_permission(const json_value& from, const std::string& path, const permission_entry& entry,
                      const reading& context) {
    if (from.find("types") == nullptr) {
        context.mistake(from.begin, path, "needs \"types\": those that it lets through, e.g. [\"chat\"] or [\"*\"]");
    }
    if (entry.users.empty() && entry.roles.empty() && !entry.anonymous) {
        context.found.warning(from.begin, path,
                              "lets nobody send these types: give \"users\", \"roles\" or \"anonymous\"");
    }
    if (entry.rate == 0 && entry.burst != 0) {
        context.found.warning(from.find("burst")->begin, path_to(path, "burst"), "has no effect without \"rate\"");
    }
}

void read_permissions(const json_value& root, broker_config& config, const reading& context) {
    const json_member* const section = root.find("permissions");
    if (section == nullptr) {
        return;
    }
    if (section->value.kind != json_kind::array) {
        context.mistake(section->value.begin, "permissions", "must be an array: [ { … }, … ]");
        return;
    }
    if (section->value.elements.size() > most_permissions) {
        context.mistake(section->value.begin, "permissions",
                        "must have at most " + std::to_string(most_permissions) + " elements");
        return;
    }
    const object_reader<permission_entry> reader{permission_keys(), {}, context};
    for (std::size_t i = 0; i < section->value.elements.size(); ++i) {
        const json_value& element = section->value.elements[i];
        const std::string path = path_to("permissions", i);
        permission_entry entry;
        reader.read(element, path, entry);
        if (element.kind == json_kind::object) {
            check_permission(element, path, entry, context);
            config.permissions.push_back(std::move(entry));
        }
    }
}

/// Checks that each listener has everything that its authentication methods need.
void check_methods(const json_value& root, const broker_config& config, const reading& context) {
    const json_member* const section = root.find("listeners");
    if (section == nullptr || section->value.elements.size() != config.listeners.size()) {
        return;
    }
    for (std::size_t i = 0; i < config.listeners.size(); ++i) {
        const json_member* const written = section->value.elements[i].find("authentication");
        if (written == nullptr) {
            continue;
        }
        const auto mistake = [&](std::string message) {
            context.mistake(written->value.begin, path_to(path_to("listeners", i), "authentication"),
                            std::move(message));
        };
        for (const auto method : config.listeners[i].authentication) {
            if (method == clients::authentication_method::jwt && config.tokens.empty()) {
                mistake("\"jwt\" needs \"tokens\": whose tokens are believed, and with which keys");
            }
            if (method == clients::authentication_method::handler && config.login.type.empty()) {
                mistake("\"handler\" needs \"login.type\": the type of the messages that ask it");
            }
            if (method == clients::authentication_method::certificate &&
                config.listeners[i].tls.client == clients::client_certificates::none) {
                mistake("\"certificate\" needs \"tls.client_certificates\": \"optional\" or \"required\"");
            }
        }
    }
}

}  // namespace

void read_access(const json_value& root, broker_config& config, const reading& context) {
    read_tokens(root, config, context);
    read_permissions(root, config, context);
    if (!config.login.type.empty() && !wire::is_type(config.login.type)) {
        context.mistake(root.find("login")->value.begin, "login.type",
                        "is no message type: 1 to 64 bytes without control characters");
    }
    check_methods(root, config, context);
}

}  // namespace bester::config
