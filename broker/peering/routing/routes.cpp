#include "peering/routing/routes.hpp"

#include "peering/routing/link_state.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace bester::peering {

namespace {

constexpr auto unreachable = shortest_paths::unreachable;

route_changes difference(std::span<const route> before, std::span<const route> after) {
    route_changes changes;
    auto old = before.begin();
    for (const route& now : after) {
        for (; old != before.end() && old->destination < now.destination; ++old) {
            changes.lost.push_back(old->destination);
        }
        if (old == before.end() || old->destination != now.destination) {
            changes.gained.push_back(now.destination);
            continue;
        }
        if (old->next() != now.next()) {
            changes.moved.push_back(now.destination);
        }
        ++old;
    }
    for (; old != before.end(); ++old) {
        changes.lost.push_back(old->destination);
    }
    return changes;
}

}  // namespace

const route* route_table::find(std::string_view destination) const noexcept {
    const auto found = std::lower_bound(routes_.begin(), routes_.end(), destination,
                                        [](const route& r, std::string_view name) { return r.destination < name; });
    return found != routes_.end() && found->destination == destination ? &*found : nullptr;
}

std::string_view route_table::next_hop(std::string_view destination, unsigned hops_left,
                                       std::string_view came_from) const noexcept {
    const route* way = find(destination);
    if (!way) {
        return {};
    }
    for (auto option = way->options.rbegin(); option != way->options.rend(); ++option) {
        if (option->hops <= hops_left) {
            return option->next == came_from ? std::string_view{} : option->next;
        }
    }
    return {};
}

/// One run of `update`: the graph, and the paths from this server and from the peers that are considered.
struct routes::computation {
    computation(const link_state& state, const route_settings& settings, time_point at)
        : known(state),
          now(at),
          limit(settings.hop_limit),
          graph(state),
          own(graph, graph.own(), settings.hop_limit, true),
          link_costs(graph.size(), unreachable),
          is_only_near(graph.size()) {
        for (const auto& [peer, link] : known.links()) {
            const std::uint32_t number = *graph.number(peer);
            const auto* edge = graph.find(graph.own(), number);
            link_costs[number] = edge ? edge->cost_us : static_cast<std::uint64_t>(link.told_cost().count());
            is_only_near[number] = !edge;
        }
    }

    /// Returns the cost of a next hop for a path of at most `hops` links; `unreachable` also if it is not nearer to the
    /// destination than this server is.
    std::uint64_t cost_by(std::uint32_t next, std::uint32_t destination, unsigned hops) {
        const std::uint64_t link = link_costs[next];
        if (link == unreachable || next == destination) {
            return link;
        }
        if (is_only_near[next]) {
            return unreachable;
        }
        auto found = from_peers.find(next);
        if (found == from_peers.end()) {
            found = from_peers.emplace(next, shortest_paths(graph, next, limit, false)).first;
        }
        const std::uint64_t rest = found->second.to(destination, hops - 1).cost_us;
        const std::uint64_t best = own.to(destination, hops).cost_us;
        return rest < best ? link + rest : unreachable;
    }

    /// Returns the best next hop for a path of at most `hops` links.
    std::pair<std::uint32_t, std::uint64_t> best(std::uint32_t destination, unsigned hops) const {
        const auto& path = own.to(destination, hops);
        const std::uint64_t direct = is_only_near[destination] ? link_costs[destination] : unreachable;
        return direct < path.cost_us ? std::pair(destination, direct) : std::pair(path.first, path.cost_us);
    }

    std::vector<std::string> path_by(std::uint32_t next, std::uint32_t destination) {
        std::vector<std::string> servers;
        if (next == destination) {
            return servers;
        }
        std::vector<std::uint32_t> between;
        if (own.to(destination, limit).first == next) {
            between = own.between(destination, limit);
        } else {
            between = from_peers.find(next)->second.between(destination, limit - 1);
            between.insert(between.begin(), next);
        }
        for (const std::uint32_t server : between) {
            servers.emplace_back(graph.name(server));
        }
        return servers;
    }

    const link_state& known;
    time_point now;
    unsigned limit;
    link_graph graph;
    shortest_paths own;
    std::vector<std::uint64_t> link_costs;  // costs of this server's links, by peer
    // Peers that do not advertise the link to this server (yet): the link leads to them and no further.
    std::vector<bool> is_only_near;
    std::map<std::uint32_t, shortest_paths> from_peers;
};

bool routes::is_kept(computation& from, std::uint32_t destination, std::uint64_t best_us, preference& held) {
    const auto next = from.graph.number(held.next);
    const std::uint64_t cost = next ? from.cost_by(*next, destination, settings_.hop_limit) : unreachable;
    if (cost == unreachable) {
        return false;
    }
    const auto gain = static_cast<double>(cost) - static_cast<double>(best_us);
    if (gain <= settings_.margin * static_cast<double>(cost) ||
        gain < static_cast<double>(settings_.least_gain.count())) {
        held.worse_since.reset();
        return true;
    }
    held.worse_since = held.worse_since.value_or(from.now);
    const time_point ends = *held.worse_since + settings_.hold;
    if (from.now >= ends) {
        return false;
    }
    hold_ends_ = std::min(hold_ends_.value_or(ends), ends);
    return true;
}

std::optional<route> routes::route_to(computation& from, std::uint32_t destination) {
    const auto [best_next, best_us] = from.best(destination, settings_.hop_limit);
    const std::string_view name = from.graph.name(destination);
    auto held = preferences_.find(name);
    if (best_us == unreachable) {
        if (held != preferences_.end()) {
            preferences_.erase(held);
        }
        return std::nullopt;
    }
    if (held == preferences_.end()) {
        held = preferences_.emplace(name, preference{}).first;
    }
    std::optional<std::uint32_t> kept;
    if (held->second.next == from.graph.name(best_next) || !is_kept(from, destination, best_us, held->second)) {
        held->second = {std::string(from.graph.name(best_next)), std::nullopt};
    } else {
        kept = from.graph.number(held->second.next);
    }
    route way;
    way.destination = name;
    std::pair<std::uint32_t, std::uint64_t> last{0, unreachable};
    for (unsigned hops = 1; hops <= settings_.hop_limit; ++hops) {
        auto chosen = from.best(destination, hops);
        if (kept && chosen.second != unreachable) {
            if (const auto cost = from.cost_by(*kept, destination, hops); cost != unreachable) {
                chosen = {*kept, cost};
            }
        }
        if (chosen.second != unreachable && chosen != last) {
            last = chosen;
            way.options.push_back(
                {hops, std::string(from.graph.name(chosen.first)), std::chrono::microseconds(chosen.second)});
        }
    }
    way.via = from.path_by(kept.value_or(best_next), destination);
    way.hops = static_cast<unsigned>(way.via.size()) + 1;
    return way;
}

route_changes routes::update(const link_state& known, time_point now) {
    const auto due = next_update(known);
    if (!due || now < *due) {
        return {};
    }
    revision_ = known.revision();
    loss_revision_ = known.loss_revision();
    computed_ = now;
    hold_ends_.reset();

    computation from(known, settings_, now);
    std::vector<route> found;
    for (std::uint32_t destination = 0; destination < from.graph.size(); ++destination) {
        if (destination == from.graph.own()) {
            continue;
        }
        if (auto way = route_to(from, destination)) {
            found.push_back(std::move(*way));
        }
    }
    std::erase_if(preferences_, [&](const auto& held) { return !from.graph.number(held.first); });
    const auto before = std::exchange(table_, std::make_shared<const route_table>(std::move(found)));
    return difference(before->all(), table_->all());
}

std::optional<routes::time_point> routes::next_update(const link_state& known) const {
    if (!computed_ || loss_revision_ != known.loss_revision()) {
        return computed_.value_or(time_point::min());
    }
    const auto earliest = *computed_ + settings_.interval;
    if (revision_ != known.revision()) {
        return earliest;
    }
    return hold_ends_ ? std::optional(std::max(*hold_ends_, earliest)) : std::nullopt;
}

}  // namespace bester::peering
