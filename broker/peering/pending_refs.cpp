#include "peering/pending_refs.hpp"

#include <utility>

namespace bester::peering {

std::uint64_t pending_refs::add(waiting what, time_point deadline) {
    std::uint32_t index;
    if (free_.empty()) {
        index = static_cast<std::uint32_t>(slots_.size());
        slots_.emplace_back();
    } else {
        index = free_.back();
        free_.pop_back();
    }
    slot& used = slots_[index];
    used.ref = ++last_serial_ << index_bits | index;
    used.what = std::move(what);
    ++used_;
    deadlines_.emplace_back(deadline, used.ref);
    return used.ref;
}

pending_refs::slot* pending_refs::find(std::uint64_t ref) noexcept {
    const std::size_t index = ref & ((1u << index_bits) - 1);
    return ref == 0 || index >= slots_.size() || slots_[index].ref != ref ? nullptr : &slots_[index];
}

bool pending_refs::take(std::uint64_t ref, waiting& what) {
    slot* const used = find(ref);
    if (!used) return false;
    what = std::move(used->what);
    *used = slot{};
    free_.push_back(static_cast<std::uint32_t>(used - slots_.data()));
    --used_;
    return true;
}

bool pending_refs::take_of(std::string_view server, std::uint64_t ref, waiting& what) {
    const slot* const used = find(ref);
    return used && used->what.server == server && take(ref, what);
}

bool pending_refs::take_expired(time_point now, waiting& what) {
    while (!deadlines_.empty() && deadlines_.front().first <= now) {
        const std::uint64_t ref = deadlines_.front().second;
        deadlines_.pop_front();
        if (take(ref, what)) return true;
    }
    // What has been answered need not be remembered until its time.
    while (!deadlines_.empty() && used_ == 0) deadlines_.clear();
    return false;
}

}  // namespace bester::peering
