#include "log/line_gate.hpp"

#include <algorithm>
#include <functional>

namespace bester::log {

std::optional<std::uint64_t> line_gate::admit(const call_site& where, time_point now) noexcept {
    site_state& site = state_of(where);
    if (now > site.filled) {
        const std::chrono::duration<double> passed = now - site.filled;
        site.allowance = std::min<double>(burst, site.allowance + passed.count() * lines_per_second);
        site.filled = now;
    }
    if (site.allowance < 1) {
        ++site.left_out;
        ++left_out_;
        site.last_left_out = now;
        return std::nullopt;
    }
    --site.allowance;
    const std::uint64_t before = site.left_out;
    site.left_out = 0;
    return before;
}

std::vector<line_gate::silence> line_gate::take_silences(time_point now) {
    std::vector<silence> found;
    for (site_state& site : sites_) {
        if (site.left_out == 0 || now - site.last_left_out < std::chrono::seconds{1}) continue;
        found.push_back({site.where, site.left_out});
        site.left_out = 0;
    }
    return found;
}

/// The literals of a call site have one address; two that share it are told apart by their lines.
line_gate::site_state& line_gate::state_of(const call_site& where) noexcept {
    const std::size_t first = std::hash<const void*>{}(where.file) * 31 + where.line;
    for (std::size_t i = 0; i < most_sites - 1; ++i) {
        site_state& site = sites_[(first + i) % (most_sites - 1)];
        if (site.is_used && (site.where.file != where.file || site.where.line != where.line)) continue;
        if (!site.is_used) {
            site.is_used = true;
            site.where = where;
        }
        return site;
    }
    return sites_.back();
}

}  // namespace bester::log
