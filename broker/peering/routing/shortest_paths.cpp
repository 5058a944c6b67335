#include "peering/routing/shortest_paths.hpp"

#include "peering/routing/link_state.hpp"

#include <algorithm>
#include <tuple>
#include <unordered_map>

namespace bester::peering {

namespace {

bool is_better(const shortest_paths::path& a, const shortest_paths::path& b) noexcept {
    return std::tie(a.cost_us, a.hops, a.first) < std::tie(b.cost_us, b.hops, b.first);
}

const link_graph::edge* find_edge(const std::vector<link_graph::edge>& edges, std::uint32_t to) noexcept {
    const auto found = std::lower_bound(edges.begin(), edges.end(), to,
                                        [](const link_graph::edge& e, std::uint32_t server) { return e.to < server; });
    return found != edges.end() && found->to == to ? &*found : nullptr;
}

}  // namespace

link_graph::link_graph(const link_state& known) {
    for (const auto& [name, server] : known.servers()) {
        names_.emplace_back(name);
    }
    for (const auto& [peer, link] : known.links()) {
        if (!known.servers().contains(peer)) {
            names_.emplace_back(peer);
        }
    }
    std::sort(names_.begin(), names_.end());
    std::unordered_map<std::string_view, std::uint32_t> numbers;
    numbers.reserve(names_.size());
    for (std::uint32_t number = 0; number < names_.size(); ++number) {
        numbers.emplace(names_[number], number);
    }
    own_ = numbers.find(known.own_name())->second;

    is_transit_.resize(names_.size());
    std::vector<std::vector<edge>> advertised(names_.size());
    for (const auto& [name, server] : known.servers()) {
        const auto from = numbers.find(name)->second;
        is_transit_[from] = server.said.is_transit;
        if (from == own_) {
            continue;
        }
        advertised[from].reserve(server.said.links.size());
        for (const advert_link& link : server.said.links) {
            if (const auto to = numbers.find(link.peer); to != numbers.end()) {
                advertised[from].push_back({to->second, static_cast<std::uint64_t>(link.cost.count())});
            }
        }
    }
    for (const auto& [peer, link] : known.links()) {
        // The cost that all others use, as soon as they have the advert.
        const auto cost = link.advertised.value_or(link.told_cost());
        advertised[own_].push_back({numbers.find(peer)->second, static_cast<std::uint64_t>(cost.count())});
    }
    edges_.resize(names_.size());
    for (std::uint32_t from = 0; from < names_.size(); ++from) {
        for (const edge& there : advertised[from]) {
            if (const edge* back = find_edge(advertised[there.to], from)) {
                edges_[from].push_back({there.to, std::max(there.cost_us, back->cost_us)});
            }
        }
    }
}

std::optional<std::uint32_t> link_graph::number(std::string_view name) const noexcept {
    const auto found = std::lower_bound(names_.begin(), names_.end(), name);
    if (found == names_.end() || *found != name) {
        return std::nullopt;
    }
    return static_cast<std::uint32_t>(found - names_.begin());
}

const link_graph::edge* link_graph::find(std::uint32_t from, std::uint32_t to) const noexcept {
    return find_edge(edges_[from], to);
}

shortest_paths::shortest_paths(const link_graph& graph, std::uint32_t source, unsigned most_hops, bool is_origin)
    : size_(graph.size()), paths_(size_ * (most_hops + 1)) {
    paths_[source] = {.cost_us = 0, .hops = 0, .first = source, .before = source};
    std::vector<std::uint32_t> improved;
    if (is_origin || graph.is_transit(source)) {
        improved.push_back(source);
    }
    std::vector<char> is_listed(size_);
    for (unsigned hops = 1; hops <= most_hops; ++hops) {
        path* const before = &paths_[(hops - 1) * size_];
        path* const layer = before + size_;
        std::copy(before, before + size_, layer);
        std::vector<std::uint32_t> next;
        for (const std::uint32_t from : improved) {
            const path& so_far = before[from];
            for (const link_graph::edge& edge : graph.edges(from)) {
                const path longer{.cost_us = so_far.cost_us + edge.cost_us,
                                  .hops = so_far.hops + 1,
                                  .first = from == source ? edge.to : so_far.first,
                                  .before = from};
                if (!is_better(longer, layer[edge.to])) {
                    continue;
                }
                layer[edge.to] = longer;
                if (graph.is_transit(edge.to) && !is_listed[edge.to]) {
                    is_listed[edge.to] = 1;
                    next.push_back(edge.to);
                }
            }
        }
        for (const std::uint32_t server : next) {
            is_listed[server] = 0;
        }
        improved = std::move(next);
    }
}

std::vector<std::uint32_t> shortest_paths::between(std::uint32_t destination, unsigned hops) const {
    std::vector<std::uint32_t> servers;
    // A best path of at most n links that has k of them is the best one of at most k links, too.
    const path* at = &to(destination, hops);
    for (unsigned left = at->hops; left > 1; --left) {
        servers.push_back(at->before);
        at = &to(at->before, left - 1);
    }
    std::reverse(servers.begin(), servers.end());
    return servers;
}

}  // namespace bester::peering
