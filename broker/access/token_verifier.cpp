#include "access/token_verifier.hpp"

#include <algorithm>
#include <cmath>

#include "json/parse.hpp"
#include "wire/base64.hpp"
#include "wire/names.hpp"

namespace bester::access {

namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;
using wire::error_code;

tl::unexpected<token_error> refuse(error_code code, std::string_view reason) {
    return tl::unexpected(token_error{code, reason});
}
tl::unexpected<token_error> invalid(std::string_view reason) { return refuse(error_code::token_invalid, reason); }

/// The allowed `typ` of a token for log-ins; other tokens ("logout+jwt") are signed with the same keys.
bool is_fitting_type(std::string_view type) {
    std::string lower{type};
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    if (lower.starts_with("application/")) lower.erase(0, 12);
    return lower == "jwt" || lower == "at+jwt";
}

enum class date_kind { absent, present, wrong };

/// Reads a NumericDate; years beyond 9999 are invalid.
date_kind read_date(const json_value& claims, std::string_view name, sys_seconds& out) {
    const json_value* claim = claims.value_of(name);
    if (!claim) return date_kind::absent;
    constexpr double last = 253'402'300'800.0;
    const double since_epoch = claim->number();
    if (!claim->is(json_kind::number) || !(since_epoch >= 0 && since_epoch < last)) return date_kind::wrong;
    out = sys_seconds{seconds{static_cast<std::int64_t>(std::floor(since_epoch))}};
    return date_kind::present;
}

bool is_text(const json_value* claim, std::string_view wanted) {
    return claim && claim->is(json_kind::string) && claim->text == wanted;
}

}  // namespace

tl::expected<token_identity, token_error> token_verifier::verify(std::string_view token, sys_seconds now) const {
    if (token.size() > max_token_size) return invalid("the token is larger than 8 KiB");
    const auto first = token.find('.'), second = token.find('.', first == token.npos ? first : first + 1);
    if (second == token.npos || token.find('.', second + 1) != token.npos)
        return invalid("the token has not three parts");
    const auto header = wire::decode_base64url(token.substr(0, first));
    const auto payload = wire::decode_base64url(token.substr(first + 1, second - first - 1));
    const auto signature = wire::decode_base64url(token.substr(second + 1));
    if (!header || !payload || !signature) return invalid("a part of the token is not base64url");

    token_identity identity;
    // The payload is not read before the signature is verified.
    if (auto good = check_signature(*header, token.substr(0, second), *signature); !good)
        return tl::unexpected(good.error());
    const auto claims = json::parse_object(*payload);
    if (!claims) return invalid("the claims are no JSON object, or one is there twice");
    auto good = check_times(*claims, now, identity);
    if (good) good = check_issue(*claims);
    if (good) good = read_user(*claims, identity);
    if (good) good = read_roles(*claims, identity);
    if (good) good = read_passed(*claims, identity);
    if (!good) return tl::unexpected(good.error());
    return identity;
}

token_verifier::checked token_verifier::check_signature(std::string_view header_text, std::string_view signed_text,
                                                        std::string_view signature) const {
    const auto header = json::parse_object(header_text);
    if (!header) return invalid("the header is no JSON object, or has a member twice");
    if (header->value_of("crit"))
        return invalid("the header has extensions that must be understood (crit), and they are not");
    if (const json_value* type = header->value_of("typ");
        type && (!type->is(json_kind::string) || !is_fitting_type(type->text)))
        return invalid("this is a token for another purpose (typ)");
    const json_value* named = header->value_of("alg");
    const auto algorithm =
        named && named->is(json_kind::string) ? find_token_algorithm(named->text) : std::optional<token_algorithm>{};
    const auto& allowed = settings_.algorithms;
    if (!algorithm || std::find(allowed.begin(), allowed.end(), *algorithm) == allowed.end())
        return invalid("the token is signed by an algorithm that is not allowed");
    const json_value* id = header->value_of("kid");
    if (id && !id->is(json_kind::string)) return invalid("the key's id (kid) is no text");
    switch (keys_.verify(*algorithm, id ? &id->text : nullptr, signed_text, signature)) {
        case token_keys::outcome::good: return {};
        case token_keys::outcome::unknown_key:
            return invalid("no key has this id (kid), or too many fit a token without one");
        case token_keys::outcome::wrong_algorithm:
            return invalid("the key is for another algorithm than the token names");
        case token_keys::outcome::bad_signature: break;
    }
    return invalid("the signature is not of this key");
}

token_verifier::checked token_verifier::check_times(const json_value& claims, sys_seconds now,
                                                    token_identity& identity) const {
    sys_seconds expires, begins, issued = now;
    const auto has_expiry = read_date(claims, "exp", expires);
    const auto has_begin = read_date(claims, "nbf", begins);
    const auto has_issue = read_date(claims, "iat", issued);
    if (has_expiry == date_kind::wrong || has_begin == date_kind::wrong || has_issue == date_kind::wrong)
        return invalid("`exp`, `nbf` or `iat` is no date");
    const auto skew = std::chrono::ceil<seconds>(settings_.clock_skew),
               longest = std::chrono::ceil<seconds>(settings_.longest_lifetime);
    if (has_begin == date_kind::present && begins > now + skew)
        return refuse(error_code::token_not_yet_valid, "the token is not valid yet (nbf)");
    if (has_issue == date_kind::present && issued > now + skew)
        return refuse(error_code::token_not_yet_valid, "the token was issued in the future (iat)");
    if (has_expiry == date_kind::absent) {
        if (settings_.require_expiry) return invalid("the token never expires (no exp)");
        if (longest == seconds{0}) return {};
        expires = issued + longest;
    }
    if (longest != seconds{0} && expires - issued > longest) return invalid("the token lives longer than is allowed");
    identity.valid_until = expires + skew;
    if (now >= *identity.valid_until) return refuse(error_code::token_expired, "the token has expired");
    return {};
}

token_verifier::checked token_verifier::check_issue(const json_value& claims) const {
    if (!settings_.issuer.empty() && !is_text(claims.value_of("iss"), settings_.issuer))
        return refuse(error_code::token_wrong_issuer, "the token was issued by somebody else (iss)");
    const json_value* audience = claims.value_of("aud");
    const auto& own = settings_.audiences;
    const auto fits = [&](const json_value& each) {
        return std::any_of(own.begin(), own.end(), [&](const auto& name) { return is_text(&each, name); });
    };
    // RFC 7519, 4.1.3: a token must be refused by a service that is not in its audience.
    if (!audience && own.empty()) return {};
    if (audience && (fits(*audience) || (audience->is(json_kind::array) &&
                                         std::any_of(audience->elements.begin(), audience->elements.end(), fits))))
        return {};
    return refuse(error_code::token_wrong_audience,
                  own.empty() ? "the token is for an audience (aud), and the config names none"
                              : "the token is for another audience (aud)");
}

token_verifier::checked token_verifier::read_user(const json_value& claims, token_identity& identity) const {
    const json_value* user = json::find_path(claims, settings_.user_claim);
    if (!user || !user->is(json_kind::string)) return invalid("the claim with the user's name is missing, or no text");
    if (!wire::is_user_name(user->text))
        return invalid("the user's name is not 1 to 64 of letters, digits, '-', '_', '.', '+'");
    identity.user = user->text;
    return {};
}

token_verifier::checked token_verifier::read_roles(const json_value& claims, token_identity& identity) const {
    if (settings_.roles_claim.empty()) return {};
    const json_value* claim = json::find_path(claims, settings_.roles_claim);
    if (!claim) return {};
    // An invalid role is an error and not left out: a rule may give less to users with that role.
    const auto take = [&](std::string_view role) {
        auto& roles = identity.roles;
        if (!is_role(role)) return false;
        if (std::find(roles.begin(), roles.end(), role) != roles.end()) return true;
        roles.emplace_back(role);
        return roles.size() <= max_roles;
    };
    constexpr std::string_view reason = "the roles are not at most 64 names of at most 64 characters each";
    if (claim->is(json_kind::string)) {
        for (std::string_view left = claim->text; !left.empty();) {
            const auto end = std::min(left.find(' '), left.size());
            if (end > 0 && !take(left.substr(0, end))) return invalid(reason);
            left.remove_prefix(std::min(end + 1, left.size()));
        }
        return {};
    }
    if (!claim->is(json_kind::array)) return invalid("the roles are neither an array nor a text");
    for (const json_value& role : claim->elements)
        if (!role.is(json_kind::string) || !take(role.text)) return invalid(reason);
    return {};
}

token_verifier::checked token_verifier::read_passed(const json_value& claims, token_identity& identity) const {
    if (settings_.passed_claims.empty()) return {};
    json_value passed;
    passed.kind = json_kind::object;
    for (const std::string& name : settings_.passed_claims) {
        if (const json_value* claim = json::find_path(claims, name)) passed.members.push_back({name, 0, *claim});
    }
    json::append_compact(identity.claims, passed);
    if (identity.claims.size() > max_claims_size) return invalid("the claims to pass on are larger than 4 KiB");
    return {};
}

}  // namespace bester::access
