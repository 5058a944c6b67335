#pragma once

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "exchange/session_id.hpp"

namespace bester::exchange {

class session;

/// The authenticated sessions of one shard, by id. The id of a session that has ended is not found.
class session_table {
public:
    /// `random` gives the generations of ids.
    session_table(unsigned shard, std::function<std::uint32_t()> random) : shard_{shard}, random_{std::move(random)} {}

    /// Enters a session and gives it an id; the caller keeps ownership and must remove it. Throws std::length_error if
    /// the shard has no more places for ids.
    session_id add(session& who) { return add(who, false); }
    /// The same for an object that sends messages to handlers without being a client's session: find() finds it,
    /// for_each() leaves it out.
    session_id add_hidden(session& who) { return add(who, true); }

    void remove(session_id id) noexcept {
        if (!find(id)) return;
        slot_entry& place = slots_[id.slot()];
        if (!place.is_hidden) --size_;
        place.who = nullptr;
        place.is_hidden = false;
        free_.push_back(id.slot());
    }

    session* find(session_id id) const noexcept {
        const std::uint32_t slot = id.slot();
        if (!id || id.shard() != shard_ || slot >= slots_.size()) return nullptr;
        return slots_[slot].generation == id.generation() ? slots_[slot].who : nullptr;
    }

    template <class Each>
    void for_each(Each&& each) const {
        // By index, because `each` may close a session, which empties its place.
        for (std::size_t i = 0; i < slots_.size(); ++i)
            if (slots_[i].who && !slots_[i].is_hidden) each(*slots_[i].who);
    }

    std::size_t size() const noexcept { return size_; }

private:
    struct slot_entry {
        session* who = nullptr;
        std::uint32_t generation = 0;  ///< of the present session, or else of the last one
        bool is_hidden = false;
    };

    session_id add(session& who, bool is_hidden) {
        std::uint32_t slot;
        if (free_.empty()) {
            if (slots_.size() == session_id::most_slots) throw std::length_error{"no place for another session"};
            // Removing must not take memory.
            if (free_.capacity() <= slots_.size()) free_.reserve(2 * slots_.size() + 1);
            slot = static_cast<std::uint32_t>(slots_.size());
            slots_.push_back({});
        } else {
            slot = free_.back();
            free_.pop_back();
        }
        slots_[slot] = {&who, new_generation(slots_[slot].generation), is_hidden};
        if (!is_hidden) ++size_;
        return {shard_, slot, slots_[slot].generation};
    }

    /// Not 0, and not that of the session that had the place before.
    std::uint32_t new_generation(std::uint32_t before) {
        std::uint32_t made = random_();
        while (made == 0 || made == before) made = random_();
        return made;
    }

    unsigned shard_;
    std::function<std::uint32_t()> random_;
    std::size_t size_ = 0;
    std::vector<slot_entry> slots_;
    std::vector<std::uint32_t> free_;
};

}  // namespace bester::exchange
