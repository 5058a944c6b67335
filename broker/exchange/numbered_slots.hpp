#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace bester::exchange {

/// Values that wait for something, each by a number that is never used again and never 0. A value's place
/// is used again, with the memory that it holds, so that coming and going costs no allocation: who adds
/// one sets all of it. Belongs to one thread.
template <class Value>
class numbered_slots {
public:
    /// A number, and the value to be set.
    std::uint64_t add() {
        if (free_.empty()) {
            // Removing must not take memory.
            if (free_.capacity() <= slots_.size()) free_.reserve(2 * slots_.size() + 1);
            slots_.emplace_back();
            free_.push_back(static_cast<std::uint32_t>(slots_.size() - 1));
        }
        const std::uint32_t index = free_.back();
        free_.pop_back();
        slots_[index].number = ++last_serial_ << index_bits | index;
        return slots_[index].number;
    }
    /// Stays where it is until it is removed; null: there is none.
    Value* find(std::uint64_t number) noexcept {
        const std::size_t index = number & ((std::uint64_t{1} << index_bits) - 1);
        return number == 0 || index >= slots_.size() || slots_[index].number != number ? nullptr : &slots_[index].value;
    }
    void remove(std::uint64_t number) noexcept {
        if (!find(number)) return;
        const std::size_t index = number & ((std::uint64_t{1} << index_bits) - 1);
        slots_[index].number = 0;
        free_.push_back(static_cast<std::uint32_t>(index));
    }

private:
    struct slot {
        std::uint64_t number = 0;  ///< 0: free
        Value value{};
    };
    static constexpr unsigned index_bits = 24;

    std::deque<slot> slots_;
    std::vector<std::uint32_t> free_;
    std::uint64_t last_serial_ = 0;
};

}  // namespace bester::exchange
