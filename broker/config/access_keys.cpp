#include "config/key_bounds.hpp"
#include "config/keys.hpp"

namespace bester::config {
namespace {

template <class Accessor>
key<token_issuer> of_token(key_facts facts, Accessor field) {
    return declare<token_issuer>(std::move(facts), field);
}

template <class Accessor>
key<permission_entry> of_rule(key_facts facts, Accessor field) {
    return declare<permission_entry>(std::move(facts), field);
}

}  // namespace

access::permission_rule permission_entry::rule() const {
    const auto number = [](auto count) { return static_cast<std::uint32_t>(count); };
    return {types, users, roles, anonymous, {number(rate), number(per.count()), number(burst)}};
}

std::vector<key<broker_config>> login_keys() {
    return {
        declared(
            {.name = "login.type",
             .kind = value_kind::text,
             .least = 1,
             .description = "For the method `handler`: log-ins go as messages of this type to the handler that "
                            "serves it. Clients cannot send it themselves.",
             .computed = "none"},
            [](auto& c) -> auto& { return c.login.type; }),
        declared(
            {.name = "login.token_notice",
             .kind = value_kind::duration,
             .most = day,
             .description = "How long before its token expires a session is told so."},
            [](auto& c) -> auto& { return c.login.token_notice; }),
        declared(
            {.name = "login.user_failures",
             .kind = value_kind::count,
             .least = 1,
             .most = 500,
             .description = "Failed log-ins of one user until the next one has to wait (`login_throttled`)."},
            [](auto& c) -> auto& { return c.login.throttle.free_of_user; }),
        declared(
            {.name = "login.address_failures",
             .kind = value_kind::count,
             .least = 1,
             .most = 500,
             .description = "The same from one address (IPv6: from one /64). Addresses of this machine are not "
                            "counted."},
            [](auto& c) -> auto& { return c.login.throttle.free_of_address; }),
        declared(
            {.name = "login.first_wait",
             .kind = value_kind::duration,
             .least = 1,
             .most = hour,
             .description = "The first wait; each further failure doubles it."},
            [](auto& c) -> auto& { return c.login.throttle.first_wait; }),
        declared(
            {.name = "login.longest_wait",
             .kind = value_kind::duration,
             .least = 1,
             .most = day,
             .description = "The wait does not grow beyond this."},
            [](auto& c) -> auto& { return c.login.throttle.longest_wait; }),
        declared(
            {.name = "login.forget_after",
             .kind = value_kind::duration,
             .least = second,
             .most = 30 * day,
             .description = "One failure is forgotten every so often."},
            [](auto& c) -> auto& { return c.login.throttle.forget_after; }),
        declared(
            {.name = "login.known_for",
             .kind = value_kind::duration,
             .most = 365 * day,
             .description = "For this time after a log-in, failed log-ins from other addresses do not delay the user "
                            "at the same address: others who guess the password cannot keep the user out."},
            [](auto& c) -> auto& { return c.login.throttle.known_for; }),
    };
}

const std::vector<key<token_issuer>>& token_keys() {
    static const std::vector<key<token_issuer>> all{
        of_token(
            {.name = "algorithms",
             .kind = value_kind::choices,
             .least = 1,
             .description = "How tokens may be signed. Each key is for one of them."},
            [](auto& t) -> auto& { return t.settings.algorithms; }),
        of_token(
            {.name = "key_file",
             .kind = value_kind::path,
             .description = "The key: a PEM public key (RSA of 2048 bits and more, P-256, Ed25519), or for `HS256` "
                            "a file with the secret, 32 bytes at least, that others cannot read.",
             .computed = "none: give this or `jwks_file`"},
            [](auto& t) -> auto& { return t.settings.key_file; }),
        of_token(
            {.name = "jwks_file",
             .kind = value_kind::path,
             .description = "Several keys: a JSON Web Key Set, as issuers publish it. A reload reads it again.",
             .computed = "none"},
            [](auto& t) -> auto& { return t.settings.jwks_file; }),
        of_token(
            {.name = "issuer",
             .kind = value_kind::text,
             .least = 1,
             .description = "What the claim `iss` must be.",
             .computed = "any"},
            [](auto& t) -> auto& { return t.settings.issuer; }),
        of_token(
            {.name = "audiences",
             .kind = value_kind::texts,
             .most = 100,
             .description = "One of them must be in the claim `aud`. `[]`: the token must have none."},
            [](auto& t) -> auto& { return t.settings.audiences; }),
        of_token(
            {.name = "clock_skew",
             .kind = value_kind::duration,
             .most = 600 * second,
             .description = "How far the clocks of issuer and broker may be apart."},
            [](auto& t) -> auto& { return t.settings.clock_skew; }),
        of_token(
            {.name = "longest_lifetime",
             .kind = value_kind::duration,
             .most = 3'650 * day,
             .description = "A token that is good for longer is refused; `\"0s\"`: any."},
            [](auto& t) -> auto& { return t.settings.longest_lifetime; }),
        of_token(
            {.name = "require_expiry", .kind = value_kind::boolean, .description = "A token without `exp` is refused."},
            [](auto& t) -> auto& { return t.settings.require_expiry; }),
        of_token(
            {.name = "user_claim",
             .kind = value_kind::text,
             .least = 1,
             .description = "The claim that is the user's name; dots lead inwards, `profile.login`."},
            [](auto& t) -> auto& { return t.settings.user_claim; }),
        of_token(
            {.name = "roles_claim",
             .kind = value_kind::text,
             .description = "The claim with the roles: an array, or a text with spaces between."},
            [](auto& t) -> auto& { return t.settings.roles_claim; }),
        of_token(
            {.name = "passed_claims",
             .kind = value_kind::texts,
             .most = 100,
             .description = "Claims that handlers see with each message, 4 KiB together at most."},
            [](auto& t) -> auto& { return t.settings.passed_claims; }),
    };
    return all;
}

const std::vector<key<permission_entry>>& permission_keys() {
    static const std::vector<key<permission_entry>> all{
        of_rule(
            {.name = "types",
             .kind = value_kind::texts,
             .least = 1,
             .most = 1'000,
             .description = "Message types, as patterns, in which `*` stands for any text.",
             .computed = "none: must be given"},
            [](auto& p) -> auto& { return p.types; }),
        of_rule(
            {.name = "users",
             .kind = value_kind::texts,
             .most = 10'000,
             .description = "Users that may send them, as patterns; `*`: every user, but no anonymous session."},
            [](auto& p) -> auto& { return p.users; }),
        of_rule(
            {.name = "roles",
             .kind = value_kind::texts,
             .most = 1'000,
             .description = "Patterns for roles that may send these types."},
            [](auto& p) -> auto& { return p.roles; }),
        of_rule(
            {.name = "anonymous", .kind = value_kind::boolean, .description = "Anonymous sessions may send them."},
            [](auto& p) -> auto& { return p.anonymous; }),
        of_rule(
            {.name = "rate",
             .kind = value_kind::count,
             .most = 1'000'000,
             .description = "How many messages of these types one session may send in `per`; then `rate_limited`. "
                            "0: any."},
            [](auto& p) -> auto& { return p.rate; }),
        of_rule(
            {.name = "per", .kind = value_kind::duration, .least = 1, .most = day, .description = "See `rate`."},
            [](auto& p) -> auto& { return p.per; }),
        of_rule(
            {.name = "burst",
             .kind = value_kind::count,
             .most = 1'000'000,
             .description = "How many may come at once after a pause; 0: as many as `rate`."},
            [](auto& p) -> auto& { return p.burst; }),
    };
    return all;
}

}  // namespace bester::config
