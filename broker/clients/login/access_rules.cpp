#include "clients/login/access_rules.hpp"

#include <sodium.h>

namespace bester::clients {

namespace {

access::login_throttle::secret random_secret() {
    access::login_throttle::secret secret;
    ::randombytes_buf(secret.data(), secret.size());
    return secret;
}

}  // namespace

tl::expected<access::token_identity, access::token_error> access_rules::verify(std::string_view token,
                                                                               std::uint64_t wall_ms) const {
    const std::chrono::sys_seconds now{std::chrono::seconds{wall_ms / 1'000}};
    tl::expected<access::token_identity, access::token_error> best =
        tl::unexpected(access::token_error{wire::error_code::token_invalid, "no tokens are taken (`tokens`)"});
    for (const auto& verifier : tokens) {
        auto outcome = verifier->verify(token, now);
        if (outcome) return outcome;
        const bool is_more_telling = best.error().code == wire::error_code::token_invalid;
        if (is_more_telling) best = std::move(outcome);
    }
    return best;
}

doorkeeper::doorkeeper(const access::throttle_settings& settings) : throttle{random_secret(), settings} {}

access::address_key counted_address(std::string_view address) {
    const access::address_key key = access::key_of_address(address);
    const bool is_loopback =
        (key.kind == access::address_key::family::v4 && key.bits >> 24 == 127) ||
        (key.kind == access::address_key::family::v6 && (address.starts_with("[::1]") || address == "::1"));
    return is_loopback ? access::address_key{} : key;
}

}  // namespace bester::clients
