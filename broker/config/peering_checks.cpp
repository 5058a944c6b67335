#include <algorithm>
#include <array>
#include <map>

#include "config/entry_checks.hpp"
#include "config/network_address.hpp"
#include "config/wording.hpp"

namespace bester::config {
namespace {

constexpr std::array<std::string_view, 3> file_keys{"certificate", "key", "authority"};
constexpr std::string_view remedy = "; `bester ca issue` makes them";

/// One check of `peering`; `section` is null where the file has none.
struct peering_check {
    const json_value& root;
    const json_value* section;
    broker_config& config;
    const reading& context;

    const json_member* find(std::string_view name) const { return section == nullptr ? nullptr : section->find(name); }

    std::size_t offset_of(std::string_view name) const {
        const json_member* const member = find(name);
        return member != nullptr ? member->value.begin : section != nullptr ? section->begin : root.begin;
    }

    void mistake(std::string_view name, std::string message) const {
        context.mistake(offset_of(name), path_to("peering", name), std::move(message));
    }

    /// Makes addresses canonical, and reports duplicates.
    void resolve_listen() const {
        std::map<std::string, std::string> taken;
        for (const auto& listener : config.listeners) {
            if (listener.kind != clients::transport::unix_socket) {
                taken.emplace(listener.address, "a listener for clients");
            }
        }
        for (std::size_t i = 0; i < config.peering.listen.size(); ++i) {
            std::string& address = config.peering.listen[i];
            const std::string path = path_to("peering.listen", i);
            const std::size_t offset = find("listen")->value.elements[i].begin;
            const auto parsed = parse_ip_address(address);
            if (!parsed) {
                context.mistake(
                    offset, path,
                    excerpt(address) + " is not an IP address and a port; write \"0.0.0.0:7000\" or \"[::]:7000\"");
                continue;
            }
            address = parsed->text();
            const auto [first, is_new] = taken.emplace(address, path);
            if (!is_new && parsed->port != 0) {
                context.mistake(
                    offset, path,
                    excerpt(address) + " is also that of " + first->second + "; an address is listened on once");
            }
        }
    }

    void check_lists() const {
        for (const std::string_view name : {"advertise", "legacy"}) {
            if (const json_member* const member = find(name)) {
                check_addresses(member->value, path_to("peering", name), context);
            }
        }
    }

    void check_bounds() const {
        const auto& settings = config.peering;
        if (settings.longest_delay < settings.initial_delay) {
            mistake(find("longest_delay") != nullptr ? "longest_delay" : "initial_delay",
                    "longest_delay (" + time_text(settings.longest_delay) + ") must be at least initial_delay (" +
                        time_text(settings.initial_delay) + ")");
        }
        if (settings.queue_bytes < settings.message_size) {
            mistake(find("queue_bytes") != nullptr ? "queue_bytes" : "message_size",
                    "queue_bytes (" + number_text(value_kind::size, settings.queue_bytes) +
                        ") must be at least message_size (" + number_text(value_kind::size, settings.message_size) +
                        "), or the largest message never fits");
        }
    }

    static std::string time_text(std::chrono::milliseconds time) {
        return number_text(value_kind::duration, static_cast<std::uint64_t>(time.count()));
    }

    void check_files() const {
        std::vector<std::string_view> given;
        std::vector<std::string_view> missing;
        for (const std::string_view name : file_keys) {
            (find(name) != nullptr ? given : missing).push_back(name);
        }
        if (!given.empty() && !missing.empty()) {
            mistake(given.front(), listed(given) + " without " + listed(missing) +
                                       ": certificate, key and authority are given together" + std::string{remedy});
        } else if (given.empty()) {
            tell_needed();
        } else if (!config.peering.certificate.empty() && !config.peering.key.empty() &&
                   !config.peering.authority.empty()) {
            check_certificates(*section, config, context);
        }
    }

    /// Reports once that the files are needed, at the first place that needs them.
    void tell_needed() const {
        static const std::string needed =
            " \"certificate\", \"key\" and \"authority\" in \"peering\"" + std::string{remedy};
        const auto& listen = config.peering.listen;
        const bool is_local = std::all_of(listen.begin(), listen.end(), is_loopback);
        if (!listen.empty() && !config.peering.allow_plain) {
            mistake("listen", "to take links from other servers needs" + needed);
        } else if (!listen.empty() && !is_local) {
            mistake("listen", "to take links from other machines needs" + needed);
        } else if (const json_member* const peer = first_with_tls()) {
            context.mistake(peer->begin, path_to("peers", peer->name),
                            "a link with \"transport\": \"tls\" (the default) needs" + needed);
        }
    }

    const json_member* first_with_tls() const {
        const json_member* const peers = root.find("peers");
        if (peers == nullptr) {
            return nullptr;
        }
        const auto& members = peers->value.members;
        const auto found = std::find_if(members.begin(), members.end(), [](const json_member& member) {
            const json_member* const transport = member.value.find("transport");
            return member.value.kind == json_kind::object && (transport == nullptr || transport->value.text == "tls");
        });
        return found == members.end() ? nullptr : &*found;
    }
};

}  // namespace

void check_peering(const json_value& root, broker_config& config, const reading& context) {
    const json_member* const member = root.find("peering");
    const peering_check check{root, member == nullptr ? nullptr : &member->value, config, context};
    check.resolve_listen();
    check.check_lists();
    check.check_bounds();
    check.check_files();
}

}  // namespace bester::config
