#include "exchange/byte_ledger.hpp"

#include <algorithm>
#include <limits>

namespace bester::exchange {

void byte_ledger::set(memory_holder& who, entry& its, std::size_t bytes) {
    const auto now =
        static_cast<std::uint32_t>(std::min<std::size_t>(bytes, std::numeric_limits<decltype(its.bytes)>::max()));
    if (now == its.bytes) return;
    const std::uint32_t before = its.bytes;
    if (before == 0) {
        items_.push_back({&who, &its});
        its.place = static_cast<std::uint32_t>(items_.size() - 1);
    }
    its.bytes = now;
    if (now == 0) {
        items_[its.place] = items_.back();
        items_[its.place].its->place = its.place;
        items_.pop_back();
        std::erase_if(ranked_, [&](const ranked& each) { return each.who == &who; });
    }
    const std::size_t total = this->bytes() - before + now;
    total_.store(total, std::memory_order_relaxed);
    if (total + step < next_call_) next_call_ = total + step;
    if (total < next_call_) return;
    next_call_ = total + step;
    if (on_growth_) on_growth_();
}

memory_holder* byte_ledger::heaviest(held_kind what, std::uint64_t now_ms) noexcept {
    if (ranked_.empty() || ranked_ms_ != now_ms) rank(what, now_ms);
    if (ranked_.empty()) return nullptr;
    memory_holder* const found = ranked_.back().who;
    ranked_.pop_back();
    return found;
}

/// Finds the heaviest in one pass, sorted with the heaviest last. Takes no memory.
void byte_ledger::rank(held_kind what, std::uint64_t now_ms) noexcept {
    const auto is_heavier = [](const ranked& a, const ranked& b) { return a.weight > b.weight; };
    ranked_.clear();
    ranked_ms_ = now_ms;
    for (const item& each : items_) {
        const std::uint64_t weight = each.who->held_weight(what, now_ms);
        if (ranked_.size() == most_ranked) {
            if (weight <= ranked_.front().weight) continue;
            std::pop_heap(ranked_.begin(), ranked_.end(), is_heavier);
            ranked_.pop_back();
        }
        ranked_.push_back({each.who, weight});
        std::push_heap(ranked_.begin(), ranked_.end(), is_heavier);
    }
    std::sort_heap(ranked_.begin(), ranked_.end(), is_heavier);
    std::reverse(ranked_.begin(), ranked_.end());
}

}  // namespace bester::exchange
