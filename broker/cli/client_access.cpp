#include "cli/client_access.hpp"

#include <stdexcept>
#include <vector>

namespace bester::cli {

tl::expected<std::shared_ptr<const clients::access_rules>, std::string> make_access_rules(
    const config::broker_config& config) {
    auto rules = std::make_shared<clients::access_rules>();
    for (const auto& issuer : config.tokens) {
        auto loaded = access::token_verifier::load(issuer.settings);
        if (!loaded) return tl::unexpected("tokens." + issuer.name + ": " + loaded.error().front());
        rules->tokens.push_back(*std::move(loaded));
    }
    std::vector<access::permission_rule> permissions;
    for (const auto& entry : config.permissions) permissions.push_back(entry.rule());
    if (!permissions.empty())
        rules->permissions = std::make_shared<const access::type_permissions>(std::move(permissions));
    rules->ends_changed = config.accounts.end_changed;
    rules->login_type = config.login.type;
    rules->token_notice = config.login.token_notice;
    return rules;
}

std::shared_ptr<const clients::access_rules> must_make_access_rules(const config::broker_config& config) {
    auto rules = make_access_rules(config);
    if (!rules) throw std::runtime_error{rules.error()};
    return *std::move(rules);
}

}  // namespace bester::cli
