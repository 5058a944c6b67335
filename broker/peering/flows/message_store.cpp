#include "peering/flows/message_store.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace bester::peering {

namespace {
constexpr std::size_t most_spare = 4;
}

bool message_store::store(std::string_view bytes, stored_bytes& where) {
    if (bytes.size() > limit_ - std::min(limit_, bytes_)) return false;
    std::uint32_t place = current_;
    if (!has_current_ || chunk_size - chunks_[current_].used < bytes.size()) {
        if (!open_chunk(bytes.size(), place)) return false;
    }
    chunk& target = chunks_[place];
    where = {place, static_cast<std::uint32_t>(target.used), static_cast<std::uint32_t>(bytes.size())};
    if (!bytes.empty()) std::memcpy(target.memory.get() + target.used, bytes.data(), bytes.size());
    target.used += bytes.size();
    ++target.messages;
    bytes_ += bytes.size();
    return true;
}

void message_store::give_up(const stored_bytes& where) noexcept {
    chunk& source = chunks_[where.chunk];
    bytes_ -= where.size;
    if (--source.messages != 0) return;
    if (has_current_ && where.chunk == current_) source.used = 0;
    else close_chunk(where.chunk);
}

bool message_store::open_chunk(std::size_t size, std::uint32_t& place) {
    const std::size_t capacity = std::max(size, chunk_size);
    const bool uses_spare = capacity == chunk_size && !spare_.empty();
    // An empty store takes any message that its limit allows.
    const std::size_t in_use = held_ - spare_.size() * chunk_size;
    if (in_use + capacity > std::max(limit_, size) + chunk_size) return false;
    if (!uses_spare && held_ + capacity > std::max(limit_, size) + chunk_size) trim();
    if (free_places_.empty()) {
        free_places_.reserve(chunks_.size() + 1);  // close_chunk must not need memory
        spare_.reserve(most_spare);
        place = static_cast<std::uint32_t>(chunks_.size());
        chunks_.emplace_back();
    } else {
        place = free_places_.back();
        free_places_.pop_back();
    }
    chunk& opened = chunks_[place];
    if (uses_spare) {
        opened.memory = std::move(spare_.back());
        spare_.pop_back();
    } else {
        opened.memory.reset(new char[capacity]);
        held_ += capacity;
    }
    opened.capacity = capacity;
    opened.used = opened.messages = 0;
    if (capacity > chunk_size) return true;  // it is full; the small ones go on where they were
    current_ = place;
    has_current_ = true;
    return true;
}

void message_store::close_chunk(std::uint32_t index) noexcept {
    chunk& closed = chunks_[index];
    if (closed.capacity == chunk_size && spare_.size() < most_spare) {
        spare_.push_back(std::move(closed.memory));
    } else {
        held_ -= closed.capacity;
        closed.memory.reset();
    }
    free_places_.push_back(index);
    if (has_current_ && current_ == index) has_current_ = false;
}

void message_store::trim() noexcept {
    if (has_current_ && chunks_[current_].messages == 0) close_chunk(current_);
    held_ -= spare_.size() * chunk_size;
    spare_.clear();
}

}  // namespace bester::peering
