#include "send_order.hpp"

namespace bester::detail {

void send_order::reset(std::size_t channels, bool is_kept) {
    is_kept_ = is_kept && channels > 1;
    sent_.assign(channels, 0);
    sent_at_last_.assign(channels, 0);
    waited_.assign(channels, std::vector<std::uint64_t>(channels, 0));
    has_last_ = false;
    entries_.clear();
}

std::span<const order_entry> send_order::next(unsigned shard, bool is_only_replies) {
    entries_.clear();
    if (!is_kept_) return entries_;
    if (has_last_ && last_ != shard) wait_for(shard, last_, sent_at_last_[last_]);
    if (is_only_replies) {
        ++sent_[shard];
        return entries_;
    }
    for (unsigned other = 0; other < sent_.size(); ++other)
        if (other != shard && sent_[other] > sent_at_last_[other]) wait_for(shard, other, sent_[other]);
    ++sent_[shard];
    sent_at_last_ = sent_;
    has_last_ = true;
    last_ = shard;
    return entries_;
}

void send_order::wait_for(unsigned shard, unsigned other, std::uint64_t count) {
    std::uint64_t& waited = waited_[shard][other];
    if (waited >= count) return;
    waited = count;
    // A later wait for the same channel takes the place of an earlier one.
    for (auto& entry : entries_)
        if (entry.shard == other) return void(entry.count = count);
    entries_.push_back({other, count});
}

}  // namespace bester::detail
