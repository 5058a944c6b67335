#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/command_rights.hpp"
#include "peering/flows/flow_sender.hpp"
#include "peering/peer_settings.hpp"
#include "peering/routing/routes.hpp"

namespace bester::peering {

/// Message types that may cross, in one direction.
class type_filter {
public:
    type_filter() = default;
    type_filter(const std::vector<std::string>& both, const std::vector<std::string>& more) {
        for (const auto* list : {&both, &more})
            for (const std::string& type : *list)
                if (type == any_type) lets_all_ = true;
                else types_.insert(type);
    }
    bool lets(std::string_view type) const { return lets_all_ || types_.contains(type); }

private:
    bool lets_all_ = false;
    std::set<std::string, std::less<>> types_;
};

/// A shard's knowledge of a server.
struct peer_facts {
    type_filter send;
    type_filter accept;
    std::optional<exchange::command_rights> rights;  ///< users that it may address here; none: everybody
    std::size_t rate = 0;                            ///< messages a second that are taken from there; 0: no limit
    bool is_configured = false;                      ///< has an entry of its own
    std::size_t frame_limit = 0;  ///< the largest frame that it takes, as its last hello said; 0: not known
};

/// The shards' knowledge of other servers: made by the control thread, immutable, replaced as a whole.
struct peer_view {
    std::string own_name;
    std::map<std::string, peer_facts, std::less<>> servers;  ///< configured, or known by advert
    std::shared_ptr<const route_table> routes = std::make_shared<const route_table>();
    std::set<std::string, std::less<>> legacy;                ///< addresses of original daemons
    std::map<std::string, std::uint64_t, std::less<>> links;  ///< neighbours, with the id of the link
    bool is_routing = false;
    unsigned hops = 1;
    flow_settings flows;
    std::chrono::milliseconds deadline{};
    std::size_t frame_limit = 0;
    std::size_t unanswered = 0;  ///< messages of one server that handlers have, at most
    std::size_t unanswered_bytes = 0;

    const peer_facts* find(std::string_view server) const {
        const auto found = servers.find(server);
        return found == servers.end() ? nullptr : &found->second;
    }
};

/// Returns the shard that owns this server's link, and the flows to and from it.
inline unsigned home_shard(std::string_view server, unsigned shards) noexcept {
    return static_cast<unsigned>(std::hash<std::string_view>{}(server) % shards);
}

}  // namespace bester::peering
