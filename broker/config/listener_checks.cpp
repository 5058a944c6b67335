#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <chrono>

#include "clients/listener/listener_context.hpp"
#include "config/entry_checks.hpp"
#include "config/network_address.hpp"
#include "config/wording.hpp"
#include "wire/names.hpp"

namespace bester::config {
namespace {

std::size_t offset_of(const json_value& object, std::string_view name) {
    const json_member* const member = object.find(name);
    return member == nullptr ? object.begin : member->value.begin;
}

void check_tcp(const json_value& from, const std::string& path, listener_entry& entry, const reading& context) {
    auto& settings = entry.settings;
    const std::string address_path = path_to(path, "address");
    const auto address = parse_ip_address(settings.address);
    if (!address) {
        context.mistake(
            offset_of(from, "address"), address_path,
            excerpt(settings.address) + " is not an IP address and a port; write \"127.0.0.1:2223\" or \"[::1]:2223\"");
        return;
    }
    if (address->is_v4_in_v6()) {
        context.mistake(offset_of(from, "address"), address_path,
                        excerpt(settings.address) + " is an IPv4 address in IPv6, on which nobody can listen; write " +
                            excerpt(address->as_v4().text()));
        return;
    }
    settings.address = address->text();
    if (const json_member* const mode = from.find("mode")) {
        context.found.warning(mode->begin, path_to(path, "mode"), "has no effect on tcp; it is for unix sockets");
    }
    if (is_loopback(settings.address)) {
        return;
    }
    const auto allows = [&](clients::authentication_method method) {
        const auto has = [&](const auto& methods) {
            return std::find(methods.begin(), methods.end(), method) != methods.end();
        };
        const auto& paths = settings.web.paths;
        return has(settings.authentication) ||
               std::any_of(paths.begin(), paths.end(), [&](const auto& each) { return has(each.authentication); });
    };
    if (allows(clients::authentication_method::anonymous) && !entry.allow_remote_anonymous) {
        context.mistake(offset_of(from, "authentication"), path_to(path, "authentication"),
                        "anonymous sessions on " + settings.address +
                            ", which other machines may reach: use a loopback address, or confirm with "
                            "\"allow_remote_anonymous\": true");
    }
    if (allows(clients::authentication_method::accounts) && !settings.tls.is_on()) {
        context.found.warning(
            offset_of(from, "address"), address_path,
            "passwords cross the network in clear on " + settings.address +
                "; give the listener a \"tls\" section, or use a loopback address behind a TLS proxy");
    }
}

void check_unix(const json_value& from, const std::string& path, listener_entry& entry, const reading& context) {
    auto& settings = entry.settings;
    if (from.find("address") == nullptr) {
        context.mistake(from.begin, path, "a unix listener needs an \"address\": the path of its socket");
        return;
    }
    settings.address = absolute_path(settings.address, context.base_directory);
    check_socket_path(settings.address, offset_of(from, "address"), path_to(path, "address"), context);
}

/// Checks the section `tls`: its keys together, and the present files.
void check_tls(const json_value& from, const std::string& path, listener_entry& entry, const reading& context) {
    const json_member* const section = from.find("tls");
    if (section == nullptr) {
        return;
    }
    auto& wanted = entry.settings.tls;
    const std::string tls_path = path_to(path, "tls");
    const auto mistake = [&](std::string_view name, std::string message) {
        context.mistake(offset_of(section->value, name), path_to(tls_path, name), std::move(message));
    };
    const bool asks = wanted.client != clients::client_certificates::none;
    if (wanted.certificate.empty() && wanted.key.empty() && !asks) {
        return;
    }
    if (wanted.certificate.empty() || wanted.key.empty()) {
        mistake(wanted.certificate.empty() ? "key" : "certificate",
                "\"certificate\" and \"key\" belong together: both are needed for TLS");
        return;
    }
    for (std::string& file : wanted.authorities) {
        file = absolute_path(file, context.base_directory);
    }
    if (asks && wanted.authorities.empty()) {
        mistake("client_certificates", "needs \"authorities\": the PEM files of those that sign clients' certificates");
        return;
    }
    if (!asks && !wanted.authorities.empty()) {
        context.found.warning(offset_of(section->value, "authorities"), path_to(tls_path, "authorities"),
                              "has no effect without \"client_certificates\": \"optional\" or \"required\"");
    }
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    const auto loaded = tls::context::load(clients::context_settings_for(wanted));
    if (!loaded) {
        const auto& reason = loaded.error().reason;
        mistake(reason.starts_with(wanted.key)           ? "key"
                : reason.starts_with(wanted.certificate) ? "certificate"
                                                         : "authorities",
                reason);
    } else if (const auto out = (*loaded)->out_of_time(now)) {
        const char* const name = out->reason.starts_with(wanted.certificate) ? "certificate" : "authorities";
        context.found.warning(offset_of(section->value, name), path_to(tls_path, name),
                              out->reason + "; until that is mended, clients refuse it");
    }
}

/// Returns whether transport and address were read, where they are given.
bool is_understood(const json_value& from) {
    const json_member* const transport = from.find("transport");
    const json_member* const address = from.find("address");
    const auto words = words_of<clients::transport>();
    return (transport == nullptr || std::find(words.begin(), words.end(), transport->value.text) != words.end()) &&
           (address == nullptr || !address->value.text.empty());
}

/// Reports a value that was seen before; else remembers it.
void check_unique(const std::string& text, std::size_t offset, const std::string& path,
                  std::map<std::string, std::size_t>& seen, const reading& context) {
    const auto [first, is_new] = seen.emplace(text, offset);
    if (!is_new) {
        context.mistake(offset, path,
                        excerpt(text) + " is also that of the listener in line " +
                            std::to_string(context.found.line_of(first->second)) + "; it must be unique");
    }
}

/// Reports a listener on all addresses of this machine beside one on one of them: the second could not listen.
void check_overlap(const std::string& text, std::size_t offset, const std::string& path,
                   const std::map<std::string, std::size_t>& seen, const reading& context) {
    const auto mine = parse_ip_address(text);
    if (!mine) return;
    for (const auto& [other_text, other_offset] : seen) {
        const auto other = parse_ip_address(other_text);
        if (!other || other_text == text || other->port != mine->port || other->is_v6 != mine->is_v6) continue;
        if (!mine->is_any() && !other->is_any()) continue;
        context.mistake(offset, path,
                        excerpt(text) + " and " + excerpt(other_text) + " of the listener in line " +
                            std::to_string(context.found.line_of(other_offset)) + " exclude each other: " +
                            excerpt(mine->is_any() ? text : other_text) + " is every address of this machine");
        return;
    }
}

}  // namespace

void check_socket_path(std::string_view socket, std::size_t offset, std::string_view path, const reading& context) {
    constexpr std::size_t longest = sizeof(sockaddr_un::sun_path) - 1;
    if (socket.size() > longest) {
        context.mistake(offset, path,
                        "the path of a UNIX socket has at most " + std::to_string(longest) + " bytes, this one " +
                            std::to_string(socket.size()) + "; use a shorter folder");
    }
}

void check_listener(const json_value& from, const std::string& path, listener_entry& entry, listeners_seen& seen,
                    const reading& context) {
    auto& settings = entry.settings;
    if (!is_understood(from)) {
        return;  // reported already: consequences of a default in its place would not help
    }
    read_web(from, path, settings, context);
    if (settings.kind != clients::transport::unix_socket) {
        check_tcp(from, path, entry, context);
    } else {
        check_unix(from, path, entry, context);
    }
    check_tls(from, path, entry, context);
    if (const json_member* const name = from.find("name")) {
        if (!settings.name.empty() && !wire::is_name(settings.name)) {
            context.mistake(name->value.begin, path_to(path, "name"),
                            excerpt(settings.name) + " is not " + std::string{kind_description(value_kind::name)});
        }
    } else {
        settings.name = settings.address;
    }
    // Port 0 stands for any free port, a different one each time.
    const bool is_any_port = settings.kind != clients::transport::unix_socket && settings.address.ends_with(":0");
    if (!settings.address.empty() && !is_any_port) {
        check_overlap(settings.address, offset_of(from, "address"), path_to(path, "address"), seen.addresses, context);
        check_unique(settings.address, offset_of(from, "address"), path_to(path, "address"), seen.addresses, context);
    }
    if (settings.accept_servers) {
        context.found.warning(from.find("accept_servers")->begin, path_to(path, "accept_servers"),
                              "whoever can reach " + settings.address +
                                  " may send as a server, without any proof; \"peering\" has links that prove it");
    }
    if (from.find("name") != nullptr) {
        check_unique(settings.name, offset_of(from, "name"), path_to(path, "name"), seen.names, context);
    } else {
        seen.names.emplace(settings.name, from.begin);
    }
}

}  // namespace bester::config
