#include "access/address_counts.hpp"

#include <cassert>

namespace bester::access {

std::size_t address_counts::key_hash::operator()(const address_key& key) const noexcept {
    // Mixed, since neighbours differ in few bits.
    std::uint64_t mixed = key.number() * 0x9e37'79b9'7f4a'7c15;
    mixed ^= mixed >> 32;
    return static_cast<std::size_t>(mixed);
}

address_counts::~address_counts() { assert(counts_.empty()); }

std::optional<address_place> address_counts::enter(const address_key& address, std::size_t most) {
    if (address.is_none()) return address_place{};
    const std::lock_guard lock{mutex_};
    auto& counted = *counts_.try_emplace(address, address_place::count{this, 0}).first;
    if (most != 0 && counted.second.connections >= most) return std::nullopt;
    ++counted.second.connections;
    return address_place{counted};
}

void address_counts::leave(address_place::entry& counted) noexcept {
    const std::lock_guard lock{mutex_};
    if (--counted.second.connections == 0) counts_.erase(counts_.find(counted.first));
}

address_place::~address_place() {
    if (entry_) entry_->second.counts->leave(*entry_);
}

}  // namespace bester::access
