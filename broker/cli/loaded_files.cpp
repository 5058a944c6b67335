#include "cli/loaded_files.hpp"

#include <array>
#include <fstream>
#include <iterator>
#include <utility>

#include <sodium.h>
#include <nlohmann/json.hpp>

#include "config/wording.hpp"
#include "tls/certificate_info.hpp"

namespace bester::cli {
namespace {

std::string hash_of(const std::string& path) {
    std::ifstream opened{path, std::ios::binary};
    std::string content{std::istreambuf_iterator<char>{opened}, {}};
    std::string hash(crypto_generichash_BYTES, '\0');
    crypto_generichash(reinterpret_cast<unsigned char*>(hash.data()), hash.size(),
                       reinterpret_cast<const unsigned char*>(content.data()), content.size(), nullptr, 0);
    sodium_memzero(content.data(), content.size());
    return hash;
}

/// "a.example, until 2027-01-31T12:00:00Z, SHA-256 AB:CD:EF:01:…"
std::string words_of(const std::vector<tls::certificate_info>& certificates) {
    constexpr std::size_t shown = 23;  // of the fingerprint: 8 bytes
    std::string words;
    for (const auto& each : certificates) {
        if (!words.empty()) words += "; ";
        words += each.subject + ", until " + tls::format_time(each.not_after) + ", SHA-256 " +
                 each.sha256.substr(0, shown) + "…";
    }
    return words;
}

}  // namespace

loaded_files::loaded_files(const config::broker_config& config) {
    for (std::size_t i = 0; i < config.listeners.size(); ++i) {
        const auto& tls = config.listeners[i].tls;
        const std::string key = config::path_to(config::path_to("listeners", i), "tls");
        add_certificates(config::path_to(key, "certificate"), tls.certificate);
        for (std::size_t k = 0; k < tls.authorities.size(); ++k)
            add_certificates(config::path_to(config::path_to(key, "authorities"), k), tls.authorities[k]);
    }
    add_certificates("peering.certificate", config.peering.certificate);
    add_certificates("peering.authority", config.peering.authority);
    for (const auto& issuer : config.tokens) {
        const std::string key = config::path_to("tokens", issuer.name);
        add_secret(config::path_to(key, "key_file"), issuer.settings.key_file);
        add_secret(config::path_to(key, "jwks_file"), issuer.settings.jwks_file);
    }
}

void loaded_files::add_certificates(std::string key, const std::string& path) {
    if (path.empty()) return;
    const auto certificates = tls::describe_file(path);
    add(std::move(key), path, certificates ? words_of(*certificates) : "");
}

void loaded_files::add_secret(std::string key, const std::string& path) {
    if (!path.empty()) add(std::move(key), path, "keys in " + path);
}

void loaded_files::add(std::string key, const std::string& path, std::string words) {
    files_[std::move(key)] = {path, hash_of(path), std::move(words)};
}

std::vector<config::change> loaded_files::changes_to(const loaded_files& later) const {
    const auto text = [](const std::string& words) {
        return nlohmann::json(words).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    };
    std::vector<config::change> changes;
    for (const auto& [key, now] : later.files_) {
        const auto before = files_.find(key);
        if (before == files_.end() || before->second.path != now.path || before->second.hash == now.hash) continue;
        const bool looks_equal = before->second.words == now.words;
        changes.push_back({key, text(before->second.words), text(looks_equal ? "other " + now.words : now.words)});
    }
    return changes;
}

}  // namespace bester::cli
