#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bester::exchange {

/// A member of something that can be in a place_list: its index there.
class list_place {
public:
    bool is_listed() const noexcept { return at_ != none; }

private:
    template <class T, list_place T::*place>
    friend class place_list;

    static constexpr std::uint32_t none = ~std::uint32_t{0};
    std::uint32_t at_ = none;
};

/// A list whose elements know their index in it, so that adding and removing take constant time. When an element is
/// removed, the last one takes its place. The list owns nothing: an element must be removed before it is destroyed.
template <class T, list_place T::*place>
class place_list {
public:
    /// Does nothing if `who` is in the list already.
    void add(T& who) {
        if ((who.*place).is_listed()) return;
        all_.push_back(&who);
        (who.*place).at_ = static_cast<std::uint32_t>(all_.size() - 1);
    }
    /// Does nothing if `who` is not in the list.
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
    /// Calls `each` for every element; it may remove the element that it is given. If it removes another one, an
    /// element may be left out or be given twice.
    template <class Each>
    void for_each(Each&& each) {
        // From the back: the element that takes the place of a removed one has been called already.
        for (std::size_t i = all_.size(); i-- > 0;)
            if (i < all_.size()) each(*all_[i]);
    }

    bool empty() const noexcept { return all_.empty(); }
    std::size_t size() const noexcept { return all_.size(); }

private:
    std::vector<T*> all_;
};

}  // namespace bester::exchange
