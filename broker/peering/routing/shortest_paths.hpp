#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace bester::peering {

class link_state;

/// The servers and links that may carry messages, by number; the numbers follow the names' order. The names belong to
/// the link_state and are valid until its next change. Pure.
class link_graph {
public:
    struct edge {
        std::uint32_t to;
        std::uint64_t cost_us;
    };

    /// Takes the links that both ends advertise, at the larger of both costs, and the own links that are up. Also knows
    /// servers whose only link is not advertised yet.
    explicit link_graph(const link_state& known);

    std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(names_.size()); }
    std::uint32_t own() const noexcept { return own_; }
    std::string_view name(std::uint32_t server) const noexcept { return names_[server]; }
    std::optional<std::uint32_t> number(std::string_view name) const noexcept;
    bool is_transit(std::uint32_t server) const noexcept { return is_transit_[server] != 0; }
    std::span<const edge> edges(std::uint32_t server) const noexcept { return edges_[server]; }
    const edge* find(std::uint32_t from, std::uint32_t to) const noexcept;

private:
    std::vector<std::string_view> names_;
    std::vector<char> is_transit_;
    std::vector<std::vector<edge>> edges_;  // each sorted by `to`
    std::uint32_t own_ = 0;
};

/// The cheapest paths from one server to all others, for each number of links that a path may still have, since a frame
/// on its way may not have enough hops left for the path that its origin would take. Layer h is computed from layer h -
/// 1 (Bellman-Ford), so that the best path of h links continues in the next server's best path of h - 1 links. Through
/// servers that are transit only. Of equally cheap paths it takes the one with fewer links, then the one whose first
/// server sorts first. Pure; holds no reference to the graph.
class shortest_paths {
public:
    static constexpr std::uint64_t unreachable = std::numeric_limits<std::uint64_t>::max();
    struct path {
        std::uint64_t cost_us = unreachable;
        std::uint32_t hops = 0;
        std::uint32_t first = 0;   ///< the next server from the source
        std::uint32_t before = 0;  ///< the last server before the destination
    };

    /// `is_origin`: the paths are for messages of `source`, so it need not forward.
    shortest_paths(const link_graph& graph, std::uint32_t source, unsigned most_hops, bool is_origin);

    /// Returns the best path to `destination` of at most `hops` (up to most_hops) links.
    const path& to(std::uint32_t destination, unsigned hops) const noexcept {
        return paths_[hops * size_ + destination];
    }
    /// Returns the servers between source and destination on that path.
    std::vector<std::uint32_t> between(std::uint32_t destination, unsigned hops) const;

private:
    std::size_t size_;
    std::vector<path> paths_;
};

}  // namespace bester::peering
