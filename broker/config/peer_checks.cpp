#include <algorithm>
#include <array>

#include "config/entry_checks.hpp"
#include "config/network_address.hpp"
#include "config/wording.hpp"
#include "wire/names.hpp"

namespace bester::config {
namespace {

using peering::link_transport;
using peering::peer_settings;

/// One check of one entry of `peers`.
struct peer_check {
    const json_member& from;
    const std::string& path;
    const peer_settings& peer;
    const broker_config& config;
    const reading& context;

    const json_member* find(std::string_view name) const { return from.value.find(name); }
    bool is_for_any() const { return peer.name == peering::any_peer; }

    void mistake(std::string_view name, std::string message) const {
        context.mistake(find(name)->value.begin, path_to(path, name), std::move(message));
    }

    void check_name() const {
        if (!is_for_any() && !wire::is_name(peer.name)) {
            context.mistake(
                from.begin, path,
                excerpt(peer.name) + " is neither \"*\" nor " + std::string{kind_description(value_kind::name)});
        } else if (peer.name == config.server.name) {
            context.mistake(from.begin, path,
                            "is this server's own name (server.name); an entry is named after the other server");
        }
    }

    void check_addresses() const {
        if (const json_member* const member = find("addresses")) {
            config::check_addresses(member->value, path_to(path, "addresses"), context);
        }
        if (peer.addresses.empty()) {
            const bool can_link = !config.peering.listen.empty() || config.peering.discovery;
            if (!is_for_any() && !can_link) {
                context.found.warning(from.begin, path,
                                      "it will never be linked: give it \"addresses\" to be dialled at, or let it "
                                      "dial us (peering.listen)");
            }
        } else if (is_for_any()) {
            mistake("addresses", "\"*\" stands for many servers; addresses belong to the entry of one");
        }
    }

    void check_transport() const {
        if (peer.transport != link_transport::plain) {
            return;
        }
        if (!config.peering.allow_plain) {
            mistake("transport", "links without TLS need \"allow_plain\": true in \"peering\"");
        }
        for (std::size_t i = 0; i < peer.addresses.size(); ++i) {
            const std::string& address = peer.addresses[i];
            if (is_host_and_port(address) && !is_loopback(address)) {
                context.mistake(find("addresses")->value.elements[i].begin, path_to(path_to(path, "addresses"), i),
                                excerpt(address) +
                                    " is not a loopback address; links without TLS stay within the machine: use "
                                    "\"transport\": \"tls\"");
            }
        }
    }

    void check_types() const {
        static constexpr std::array<std::string_view, 3> lists{"types", "send_types", "accept_types"};
        for (const std::string_view name : lists) {
            const json_member* const member = find(name);
            if (member == nullptr) {
                continue;
            }
            for (std::size_t i = 0; i < member->value.elements.size(); ++i) {
                const json_value& element = member->value.elements[i];
                if (element.kind == json_kind::string) {
                    check_type(element, path_to(path_to(path, name), i));
                }
            }
        }
        // An empty list is intended; and with routing, messages of others are passed on here in any case.
        const bool is_said = std::any_of(lists.begin(), lists.end(), [&](auto name) { return find(name) != nullptr; });
        if (!is_said && !config.peering.routing) {
            context.found.warning(from.begin, path,
                                  "no message may cross: give it \"types\", e.g. [\"chat\"], or [\"*\"] for all");
        }
    }

    void check_type(const json_value& element, const std::string& type_path) const {
        if (element.text == "dummy" || element.text == "builtin") {
            context.mistake(element.begin, type_path,
                            "type " + excerpt(element.text) + " is reserved for the broker itself");
        } else if (!wire::is_type(element.text)) {
            context.mistake(
                element.begin, type_path,
                excerpt(element.text) + " is not a message type: 1 to 64 bytes without control characters; \"*\": all");
        }
    }
};

}  // namespace

void check_addresses(const json_value& listed, const std::string& path, const reading& context) {
    for (std::size_t i = 0; i < listed.elements.size(); ++i) {
        const json_value& element = listed.elements[i];
        if (element.kind == json_kind::string && !is_host_and_port(element.text)) {
            context.mistake(
                element.begin, path_to(path, i),
                excerpt(element.text) + " is not a host and a port; write \"b.example.org:7000\" or \"[::1]:7000\"");
        }
    }
}

void check_peer(const json_member& from, const std::string& path, const peer_settings& peer,
                const broker_config& config, const reading& context) {
    const peer_check check{from, path, peer, config, context};
    check.check_name();
    check.check_addresses();
    check.check_transport();
    check.check_types();
}

}  // namespace bester::config
