#include "clients/login/session_access.hpp"

#include "wire/json_text.hpp"

namespace bester::clients {

void session_access::take(access::token_identity identity) {
    roles = std::move(identity.roles);
    about.clear();
    if (!roles.empty()) about.append(R"(,"roles":)").append(roles_text());
    if (!identity.claims.empty()) about.append(R"(,"claims":)").append(identity.claims);
    valid_until_ms = 0;
    if (identity.valid_until)
        valid_until_ms =
            static_cast<std::uint64_t>(std::chrono::milliseconds{identity.valid_until->time_since_epoch()}.count());
    was_warned = false;
    permissions.forget_sender();
}

std::string session_access::roles_text() const {
    std::string text{"["};
    for (const std::string& role : roles) {
        if (text.size() > 1) text += ',';
        wire::append_quoted(text, role);
    }
    return text + ']';
}

}  // namespace bester::clients
