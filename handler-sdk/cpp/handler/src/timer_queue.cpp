#include "timer_queue.hpp"

namespace bester::detail {

std::uint64_t timer_queue::add(clock::time_point due, clock::duration interval, callback<void()> function) {
    const std::uint64_t id = ++last_id_;
    entries_.emplace(id, timer{due, interval, std::move(function)});
    due_.emplace(due, id);
    return id;
}

void timer_queue::cancel(std::uint64_t id) {
    if (id == running_) running_ = 0;
    const auto found = entries_.find(id);
    if (found == entries_.end()) return;
    const auto [first, last] = due_.equal_range(found->second.due);
    for (auto it = first; it != last; ++it) {
        if (it->second != id) continue;
        due_.erase(it);
        break;
    }
    entries_.erase(found);
}

std::optional<timer_queue::clock::time_point> timer_queue::next() const {
    if (due_.empty()) return std::nullopt;
    return due_.begin()->first;
}

}  // namespace bester::detail
