#pragma once

#include "peering/routing/shortest_paths.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bester::peering {

/// The next hop for frames that may still cross at least `hops` links.
struct route_option {
    unsigned hops = 1;
    std::string next;
    std::chrono::microseconds cost{0};  ///< round trip of the whole path

    bool operator==(const route_option&) const = default;
};

/// The routes to one server.
struct route {
    std::string destination;
    std::vector<route_option> options;  ///< by rising `hops`; the last one is for this server's own messages
    unsigned hops = 1;                  ///< links of the path of this server's own messages
    std::vector<std::string> via;       ///< the servers in between on that path

    const std::string& next() const { return options.back().next; }
    std::chrono::microseconds cost() const { return options.back().cost; }
    bool operator==(const route&) const = default;
};

/// All routes from this server: immutable, to be shared between threads. Servers that hold the same adverts have
/// consistent tables: each hop comes nearer to the destination, so a frame meets no server twice. While tables differ,
/// `hops_left` bounds its path.
class route_table {
public:
    route_table() = default;
    /// `routes` are sorted by destination.
    explicit route_table(std::vector<route> routes) : routes_(std::move(routes)) {}

    /// Returns the peer for a frame that may still cross `hops_left` links (including the one to that peer). Empty:
    /// there is no route, or only one back to `came_from` (empty for this server's own messages). The view lives as
    /// long as the table.
    std::string_view next_hop(std::string_view destination, unsigned hops_left,
                              std::string_view came_from) const noexcept;
    const route* find(std::string_view destination) const noexcept;
    std::span<const route> all() const noexcept { return routes_; }

private:
    std::vector<route> routes_;
};

struct route_settings {
    unsigned hop_limit = 8;
    std::chrono::milliseconds interval{100};     ///< between two computations, unless a link of this server is lost
    double margin = 0.20;                        ///< a working route is left for one that is cheaper by
    std::chrono::microseconds least_gain{1000};  ///< more than this part and at least this time
    std::chrono::milliseconds hold{5000};        ///< for this time
};

/// The changes of `update`, by destination.
struct route_changes {
    std::vector<std::string> gained;
    std::vector<std::string> lost;
    std::vector<std::string> moved;  ///< destinations with another next hop

    bool is_empty() const noexcept { return gained.empty() && lost.empty() && moved.empty(); }
};

/// Computes the route table from the adverts. Pure; on the link_state's thread; the tables that it returns may be used
/// on any thread.
///
/// A next hop is kept although another is cheaper, by less than margin or for less than hold, but only while it is
/// nearer to the destination than this server is, so that no loop can arise whatever single servers prefer. One that no
/// longer is nearer, or does not work, is left at once.
class routes {
public:
    using time_point = std::chrono::steady_clock::time_point;

    explicit routes(route_settings settings) : settings_(settings), table_(std::make_shared<const route_table>()) {}

    /// To be called after each change of `known` and at `next_update`; computes only if due.
    route_changes update(const link_state& known, time_point now);
    /// Returns when `update` has something to do; none: only after another change.
    std::optional<time_point> next_update(const link_state& known) const;

    std::shared_ptr<const route_table> table() const noexcept { return table_; }

private:
    struct preference {
        std::string next;
        std::optional<time_point> worse_since;
    };
    struct computation;

    std::optional<route> route_to(computation& from, std::uint32_t destination);
    bool is_kept(computation& from, std::uint32_t destination, std::uint64_t best_us, preference& held);

    route_settings settings_;
    std::shared_ptr<const route_table> table_;
    std::map<std::string, preference, std::less<>> preferences_;
    std::uint64_t revision_ = 0;
    std::uint64_t loss_revision_ = 0;
    std::optional<time_point> computed_;
    std::optional<time_point> hold_ends_;  // the earliest, of all that may move then
};

}  // namespace bester::peering
