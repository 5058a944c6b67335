#include "access/address_counts.hpp"

#include <utility>

namespace bester::access {

std::size_t address_counts::key_hash::operator()(const address_key& key) const noexcept {
    // Mixed, as neighbours differ in few bits.
    std::uint64_t mixed = (key.bits ^ static_cast<std::uint64_t>(key.kind) << 62) * 0x9e37'79b9'7f4a'7c15;
    mixed ^= mixed >> 32;
    return static_cast<std::size_t>(mixed);
}

bool address_counts::enter(const address_key& address, std::size_t most) {
    if (address.is_none()) return true;
    const std::lock_guard lock{mutex_};
    std::uint32_t& count = counts_[address];
    if (most != 0 && count >= most) return false;
    ++count;
    return true;
}

void address_counts::leave(const address_key& address) noexcept {
    if (address.is_none()) return;
    const std::lock_guard lock{mutex_};
    const auto found = counts_.find(address);
    if (found != counts_.end() && --found->second == 0) counts_.erase(found);
}

std::size_t address_counts::count(const address_key& address) const {
    const std::lock_guard lock{mutex_};
    const auto found = counts_.find(address);
    return found == counts_.end() ? 0 : found->second;
}

std::size_t address_counts::addresses() const {
    const std::lock_guard lock{mutex_};
    return counts_.size();
}

address_place& address_place::operator=(address_place&& other) noexcept {
    std::swap(counts_, other.counts_);
    std::swap(address_, other.address_);
    return *this;
}

address_place::~address_place() {
    if (counts_) counts_->leave(address_);
}

}  // namespace bester::access
