#include "config/effective_text.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <span>

#include "config/network_address.hpp"
#include "config/wording.hpp"

namespace bester::config {
namespace {

std::string spaces(std::size_t count) { return std::string(count, ' '); }

}  // namespace

listener_entry entry_of(const clients::listener_settings& settings) {
    const auto& methods = settings.authentication;
    const bool is_anonymous =
        std::find(methods.begin(), methods.end(), clients::authentication_method::anonymous) != methods.end();
    listener_entry entry{settings, false};
    entry.allow_remote_anonymous =
        is_anonymous && settings.kind != clients::transport::unix_socket && !is_loopback(settings.address);
    if (entry.settings.name == settings.address) {
        entry.settings.name.clear();  // the default, which is not a valid name
    }
    return entry;
}

std::string object_text(const written_keys& written, std::size_t indent) {
    std::string out{"{"};
    for (std::size_t i = 0; i < written.size();) {
        const auto& [name, text] = written[i];
        const std::string_view section = name.substr(0, name.find('.'));
        out += (i == 0 ? "\n" : ",\n") + spaces(indent + 2) + json_quoted(section) + ": ";
        if (section == name) {
            out += text;
            ++i;
            continue;
        }
        written_keys within;
        for (; i < written.size() && written[i].first.starts_with(std::string{section} + '.'); ++i) {
            within.emplace_back(written[i].first.substr(section.size() + 1), written[i].second);
        }
        out += object_text(within, indent + 2);
    }
    return out + (written.empty() ? "}" : '\n' + spaces(indent) + '}');
}

namespace {

/// Keys without effect are left out, so that reading the text again gives no warnings.
void leave_out(written_keys& keys, std::initializer_list<std::string_view> names) {
    std::erase_if(keys,
                  [&](const auto& each) { return std::find(names.begin(), names.end(), each.first) != names.end(); });
}

template <class T>
written_keys write_entry(const std::vector<key<T>>& keys, const T& entry) {
    return write_keys(keys, entry);
}

written_keys write_entry(const std::vector<key<clients::web_path>>& keys, const clients::web_path& entry) {
    written_keys all = write_keys(keys, entry);
    if (entry.frames != clients::bound_frames::socketio) leave_out(all, {"namespaces", "recovery", "recovery_bytes"});
    return all;
}

/// Writes an object with a member for each entry, by its name.
template <class T>
std::string entries_text(const std::vector<key<T>>& keys, const std::vector<T>& entries) {
    std::string out{"{"};
    for (const T& entry : entries) {
        out += (out.size() > 1 ? ",\n    " : "\n    ") + json_quoted(entry.name) + ": " +
               object_text(write_entry(keys, entry), 4);
    }
    return out + (entries.empty() ? "}" : "\n  }");
}

}  // namespace

written_keys write_listener(const listener_entry& entry) {
    written_keys all = write_keys(listener_keys(), entry);
    if (entry.settings.kind != clients::transport::unix_socket) leave_out(all, {"mode"});
    if (entry.settings.kind != clients::transport::websocket)
        leave_out(all, {"files", "file_size", "cache_control", "head_size"});
    const auto& paths = entry.settings.web.paths;
    if (!paths.empty()) {
        all.emplace_back("paths", entries_text(path_keys(), paths));
    }
    return all;
}

std::string effective_text(const broker_config& config) {
    written_keys all = write_keys(broker_keys(), config);
    std::string listeners{"["};
    for (const auto& listener : config.listeners) {
        listeners += (listeners.size() > 1 ? ",\n    " : "\n    ") + object_text(write_listener(entry_of(listener)), 4);
    }
    all.emplace_back("listeners", listeners + "\n  ]");
    std::string permissions{"["};
    for (const auto& entry : config.permissions) {
        permissions +=
            (permissions.size() > 1 ? ",\n    " : "\n    ") + object_text(write_keys(permission_keys(), entry), 4);
    }
    all.emplace_back("tokens", entries_text(token_keys(), config.tokens));
    all.emplace_back("permissions", permissions + (config.permissions.empty() ? "]" : "\n  ]"));
    all.emplace_back("handlers", entries_text(handler_keys(), config.handlers));
    all.emplace_back("peers", entries_text(peer_keys(), config.peers));
    return object_text(all, 0) + '\n';
}

std::string digest_of(const broker_config& config) {
    static constexpr std::string_view hex = "0123456789abcdef";
    const std::string text = effective_text(config);
    std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
    crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(text.data()), text.size());
    std::string out;
    for (const unsigned char byte : std::span{hash}.first(8)) {
        out += hex[byte >> 4];
        out += hex[byte & 15];
    }
    return out;
}

}  // namespace bester::config
