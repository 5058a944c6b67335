#include "clients/engine/recovery_log.hpp"

#include <utility>

namespace bester::clients {

void recovery_log::add(std::uint64_t offset, exchange::payload packet, std::uint64_t now_ms, std::uint64_t oldest_ms) {
    bytes_ += packet.size();
    last_ = offset;
    entries_.push_back({offset, now_ms, std::move(packet)});
    while (!entries_.empty() && (bytes_ > most_bytes_ || entries_.front().at_ms < oldest_ms)) drop_front();
}

bool recovery_log::reaches_back_to(std::optional<std::uint64_t> offset) const noexcept {
    return seen_by(offset) >= dropped_;
}

void recovery_log::clear() noexcept {
    dropped_ = last_;
    bytes_ = 0;
    entries_.clear();
}

void recovery_log::drop_front() {
    dropped_ = entries_.front().offset;
    bytes_ -= entries_.front().packet.size();
    entries_.pop_front();
}

}  // namespace bester::clients
