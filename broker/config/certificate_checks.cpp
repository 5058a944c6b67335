#include <openssl/x509v3.h>

#include <algorithm>
#include <chrono>

#include "config/entry_checks.hpp"
#include "config/wording.hpp"
#include "tls/context.hpp"
#include "tls/pem_files.hpp"

namespace bester::config {
namespace {

constexpr std::int64_t days_to_warn = 30;

using certificates = std::vector<tls::handle<X509>>;

bool has_signed(X509& authority, X509& other) {
    return X509_check_issued(&authority, &other) == X509_V_OK && X509_verify(&other, X509_get0_pubkey(&authority)) == 1;
}

/// One check of the files of `peering`.
struct certificate_check {
    const json_value& section;
    const broker_config& config;
    const reading& context;
    std::chrono::sys_seconds now;

    std::size_t offset_of(std::string_view name) const { return section.find(name)->value.begin; }

    void mistake(std::string_view name, std::string message) const {
        context.mistake(offset_of(name), path_to("peering", name), std::move(message));
    }

    void warning(std::string_view name, std::string message) const {
        context.found.warning(offset_of(name), path_to("peering", name), std::move(message));
    }

    /// Returns the value, or reports a mistake at the key that names the file.
    template <class Value>
    const Value* good(std::string_view name, const tls::result<Value>& read) const {
        if (read) {
            return &*read;
        }
        const bool is_missing = read.error().code == tls::error_code::file_missing;
        mistake(name, read.error().reason + (is_missing ? "; `bester ca issue` makes it" : ""));
        return nullptr;
    }

    /// Checks the files together, and reports mistakes at the key that they concern.
    void check_together(const certificates& chain, const certificates& authorities) const {
        const auto& settings = config.peering;
        tls::context_settings of_links;
        of_links.certificate_file = settings.certificate;
        of_links.key_file = settings.key;
        of_links.authority_files = {settings.authority};
        const auto loaded = tls::context::load(of_links);
        if (!loaded) {
            using enum tls::error_code;
            const auto& why = loaded.error();
            const bool is_about_authority = why.reason.starts_with(settings.authority + ": ");
            mistake(why.code == key_mismatch ? "key" : is_about_authority ? "authority" : "certificate", why.reason);
            return;
        }
        const auto& own = *(*loaded)->certificate();
        if (!tls::has_name(own, config.server.name)) {
            std::vector<std::string_view> names{own.names.begin(), own.names.end()};
            mistake("certificate", "is made for " + (names.empty() ? std::string{"no server"} : listed(names)) +
                                       ", but this server is called " + excerpt(config.server.name) +
                                       " (server.name): others would refuse it");
        }
        if (const auto out = (*loaded)->out_of_time(now)) {
            const bool is_about_authority = out->reason.starts_with(settings.authority + ": ");
            warning(is_about_authority ? "authority" : "certificate",
                    out->reason + "; until that is mended, there are no links");
        } else if (const auto left = tls::days_left(own, now); left < days_to_warn) {
            warning("certificate", "expires in " + tls::days_text(left) + "; `bester ca renew` makes a new one");
        }
        const bool is_trusted = std::any_of(authorities.begin(), authorities.end(), [&](const auto& authority) {
            return has_signed(*authority, *chain.back());
        });
        if (!is_trusted) {
            warning("certificate", "is not signed by an authority in " + excerpt(settings.authority) +
                                       ": servers that trust the same ones will refuse it");
        }
    }
};

}  // namespace

void check_certificates(const json_value& section, const broker_config& config, const reading& context) {
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    const certificate_check check{section, config, context, now};
    const auto chain = tls::read_certificates(config.peering.certificate);
    const auto key = tls::read_key(config.peering.key);
    const auto authorities = tls::read_certificates(config.peering.authority);
    const bool has_chain = check.good("certificate", chain) != nullptr;
    const bool has_key = check.good("key", key) != nullptr;
    const bool has_authorities = check.good("authority", authorities) != nullptr;
    if (has_chain && has_key && has_authorities) {
        check.check_together(*chain, *authorities);
    }
}

}  // namespace bester::config
