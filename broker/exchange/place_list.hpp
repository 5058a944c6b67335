#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bester::exchange {

/// Where something stands in a place_list, so that it can leave in constant time.
class list_place {
public:
    bool is_listed() const noexcept { return at_ != none; }

private:
    template <class T, list_place T::*place>
    friend class place_list;

    static constexpr std::uint32_t none = ~std::uint32_t{0};
    std::uint32_t at_ = none;
};

/// A list of things that know their place in it: adding and removing cost the same however many there are. The order
/// changes when one leaves: the last takes its place. It owns nothing; each must leave before it is destroyed.
template <class T, list_place T::*place>
class place_list {
public:
    /// Does nothing if it is in already.
    void add(T& who) {
        if ((who.*place).is_listed()) return;
        all_.push_back(&who);
        (who.*place).at_ = static_cast<std::uint32_t>(all_.size() - 1);
    }
    /// Does nothing if it is not in.
    void remove(T& who) noexcept {
        const std::uint32_t at = (who.*place).at_;
        if (at == list_place::none) return;
        (who.*place).at_ = list_place::none;
        T* const last = all_.back();
        all_.pop_back();
        if (last == &who) return;
        all_[at] = last;
        (last->*place).at_ = at;
    }
    /// Calls `each` for every one that is in; it may remove the one that it is given. If others leave meanwhile, one
    /// may be left out or called twice.
    template <class Each>
    void for_each(Each&& each) {
        // From the back: who takes the place of one that left has had its turn.
        for (std::size_t i = all_.size(); i-- > 0;)
            if (i < all_.size()) each(*all_[i]);
    }

    bool empty() const noexcept { return all_.empty(); }
    std::size_t size() const noexcept { return all_.size(); }

private:
    std::vector<T*> all_;
};

}  // namespace bester::exchange
