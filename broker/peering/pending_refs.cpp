#include "peering/pending_refs.hpp"

#include <algorithm>
#include <utility>

namespace bester::peering {

namespace {

/// Deadlines of messages that have ended are kept until there are so many more than of others.
constexpr std::size_t most_ended = 1'024;

}  // namespace

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
    if (used.what.asker) askers_.emplace(used.what.asker, used.ref);
    const auto open = open_.find(used.what.server);
    if (open == open_.end()) open_.emplace(used.what.server, 1);
    else ++open->second;
    if (deadlines_.size() > 2 * used_ + most_ended) forget_ended();
    deadlines_.push_back({deadline, used.ref});
    std::push_heap(deadlines_.begin(), deadlines_.end());
    return used.ref;
}

const pending_refs::slot* pending_refs::find(std::uint64_t ref) const noexcept {
    const std::size_t index = ref & ((1u << index_bits) - 1);
    return ref == 0 || index >= slots_.size() || slots_[index].ref != ref ? nullptr : &slots_[index];
}

bool pending_refs::take(std::uint64_t ref, waiting& what) {
    const slot* const found = find(ref);
    if (!found) return false;
    const auto index = static_cast<std::uint32_t>(found - slots_.data());
    what = std::move(slots_[index].what);
    slots_[index] = slot{};
    free_.push_back(index);
    --used_;
    const auto [begin, end] = askers_.equal_range(what.asker);
    if (const auto of = std::find_if(begin, end, [&](const auto& each) { return each.second == ref; }); of != end)
        askers_.erase(of);
    if (const auto open = open_.find(what.server); --open->second == 0) open_.erase(open);
    return true;
}

bool pending_refs::take_of(std::string_view server, std::uint64_t ref, waiting& what) {
    const slot* const used = find(ref);
    return used && used->what.server == server && take(ref, what);
}

bool pending_refs::take_expired(time_point now, waiting& what) {
    while (!deadlines_.empty() && deadlines_.front().when <= now) {
        const std::uint64_t ref = deadlines_.front().ref;
        std::pop_heap(deadlines_.begin(), deadlines_.end());
        deadlines_.pop_back();
        if (take(ref, what)) return true;
    }
    return false;
}

void pending_refs::forget_ended() {
    std::erase_if(deadlines_, [this](const due& each) { return !find(each.ref); });
    std::make_heap(deadlines_.begin(), deadlines_.end());
}

const pending_refs::waiting* pending_refs::find_asked(std::string_view server, exchange::session_id to,
                                                      std::string_view id_token) const {
    const auto [begin, end] = askers_.equal_range(to);
    for (auto each = begin; each != end; ++each) {
        const slot* const open = find(each->second);
        if (open && open->what.server == server && open->what.id_token == id_token) return &open->what;
    }
    return nullptr;
}

std::size_t pending_refs::open_at(std::string_view server) const {
    const auto found = open_.find(server);
    return found == open_.end() ? 0 : found->second;
}

}  // namespace bester::peering
