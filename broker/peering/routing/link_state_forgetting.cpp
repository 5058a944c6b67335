// link_state: forgets servers that cannot be reached.
#include <algorithm>

#include "peering/routing/link_state.hpp"

namespace bester::peering {

void link_state::forget_expired(time_point now) {
    next_expiry_ = time_point::max();
    for (auto server = servers_.begin(); server != servers_.end();) {
        const auto expires = server->second.made + settings_.expiry;
        if (server->first == settings_.server || now < expires) {
            next_expiry_ = server->first == settings_.server ? next_expiry_ : std::min(next_expiry_, expires);
            ++server;
            continue;
        }
        forget(server++);
        ++counters_.expired;
    }
}

void link_state::forget(by_name<known_server>::iterator server) {
    for (auto& [peer, link] : links_) {
        link.waiting.erase(server->first);
    }
    stored_links_ -= server->second.said.links.size();
    if (const auto learned = learned_.find(server->second.teller); --learned->second == 0) {
        learned_.erase(learned);
    }
    ++revision_;
    servers_.erase(server);
}

/// Returns the servers to which a chain of links leads from here. Both ends of a link must name it, except a server
/// that cannot name all of its links.
std::set<std::string_view> link_state::within_reach() const {
    std::set<std::string_view> reached{settings_.server};
    std::vector<const known_server*> next;
    const auto reach = [&](std::string_view name) {
        if (!reached.insert(name).second) {
            return;
        }
        if (const auto server = servers_.find(name); server != servers_.end()) {
            next.push_back(&server->second);
        }
    };
    for (const auto& [peer, link] : links_) {
        reach(peer);
    }
    // Links are sorted.
    const auto names = [](const advert& said, const std::string& peer) {
        const auto found =
            std::lower_bound(said.links.begin(), said.links.end(), peer,
                             [](const advert_link& link, const std::string& name) { return link.peer < name; });
        return found != said.links.end() && found->peer == peer;
    };
    while (!next.empty()) {
        const advert& said = next.back()->said;
        next.pop_back();
        for (const advert_link& link : said.links) {
            const auto other = servers_.find(link.peer);
            if (other == servers_.end() || other->second.said.links.size() == most_advert_links ||
                names(other->second.said, said.server)) {
                reach(link.peer);
            }
        }
    }
    return reached;
}

/// Servers that have disappeared are forgotten sooner than servers that are silent.
void link_state::forget_out_of_reach(time_point now) {
    reach_due_ = now + settings_.reach_interval;
    const auto reached = within_reach();
    std::vector<std::string> over;
    for (auto& [name, server] : servers_) {
        if (reached.contains(name)) {
            server.out_of_reach_since.reset();
        } else if (!server.out_of_reach_since) {
            server.out_of_reach_since = now;
        } else if (now - *server.out_of_reach_since >= settings_.out_of_reach) {
            over.push_back(name);
        }
    }
    for (const std::string& name : over) {
        forget(servers_.find(name));
        ++counters_.expired;
    }
}

}  // namespace bester::peering
