#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <stdexcept>
#include <vector>

namespace bester::exchange {

/// A table of values, each with a number between 1 and 2^53 - 1, which any JSON reader holds exactly. A number is used
/// again only after at least 2^29 others. A value's place is used again with its memory, so that adding and removing
/// cost no allocation: the caller of add() must set all of the value. At most `most` at a time. Belongs to one thread.
template <class Value, std::size_t most = std::size_t{1} << 24>
class numbered_slots {
    static_assert(most > 0 && most <= std::size_t{1} << 24, "an index is a part of a number, the rest counts");

public:
    struct added {
        std::uint64_t number;
        Value& value;  ///< to be set; stays where it is until it is removed
    };

    numbered_slots() = default;
    /// Skips this many numbers.
    explicit numbered_slots(std::uint64_t used) noexcept : last_serial_{used % serials} {}

    /// Takes a place. Throws std::length_error, and changes nothing, if is_full().
    added add() {
        if (free_.empty()) {
            if (slots_.size() == most) throw std::length_error{"more waits at a time than there are numbers for"};
            // Removing must not take memory.
            if (free_.capacity() <= slots_.size()) free_.reserve(2 * slots_.size() + 1);
            slots_.emplace_back();
            free_.push_back(static_cast<std::uint32_t>(slots_.size() - 1));
        }
        const std::uint32_t index = free_.back();
        free_.pop_back();
        slot& taken = slots_[index];
        last_serial_ = last_serial_ + 1 < serials ? last_serial_ + 1 : 1;
        taken.number = last_serial_ << index_bits | index;
        return {taken.number, taken.value};
    }

    /// Stays where it is until it is removed; null: there is none.
    Value* find(std::uint64_t number) noexcept {
        slot* const used = slot_of(*this, number);
        return used ? &used->value : nullptr;
    }
    const Value* find(std::uint64_t number) const noexcept {
        const slot* const used = slot_of(*this, number);
        return used ? &used->value : nullptr;
    }

    /// Does nothing if there is none.
    void remove(std::uint64_t number) noexcept {
        slot* const used = slot_of(*this, number);
        if (!used) return;
        used->number = 0;
        free_.push_back(index_of(number));
    }

    std::size_t size() const noexcept { return slots_.size() - free_.size(); }
    bool empty() const noexcept { return size() == 0; }
    bool is_full() const noexcept { return size() == most; }

    /// Calls visit(number, value) for each, in no order. `visit` may remove any, and may or may not see those that it
    /// adds.
    template <class Visit>
    void for_each(Visit visit) {
        for (std::size_t i = 0; i < slots_.size(); ++i)
            if (slot& each = slots_[i]; each.number != 0) visit(each.number, each.value);
    }
    template <class Visit>
    void for_each(Visit visit) const {
        for (const slot& each : slots_)
            if (each.number != 0) visit(each.number, each.value);
    }

private:
    struct slot {
        std::uint64_t number = 0;  ///< 0: free
        Value value{};
    };
    static constexpr int index_bits = std::bit_width(most - 1);
    static constexpr std::uint64_t serials = std::uint64_t{1} << (53 - index_bits);

    static std::uint32_t index_of(std::uint64_t number) noexcept {
        return static_cast<std::uint32_t>(number & ((std::uint64_t{1} << index_bits) - 1));
    }
    template <class Self>
    static auto slot_of(Self& self, std::uint64_t number) noexcept -> decltype(&self.slots_[0]) {
        const std::size_t index = index_of(number);
        if (number == 0 || index >= self.slots_.size() || self.slots_[index].number != number) return nullptr;
        return &self.slots_[index];
    }

    std::deque<slot> slots_;
    std::vector<std::uint32_t> free_;
    std::uint64_t last_serial_ = 0;
};

}  // namespace bester::exchange
