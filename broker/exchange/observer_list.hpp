#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace bester::exchange {

/// Those who are told of something, in the order in which they were added. Refers to them; an observer is removed
/// before it is destroyed, also while others are being told. One thread.
template <class Observer>
class observer_list {
public:
    /// `who` is told from the next tell() on.
    void add(Observer& who) { all_.push_back(&who); }

    /// `who` is told nothing more, not even by a tell() that is running.
    void remove(Observer& who) noexcept {
        const auto at = std::find(all_.begin(), all_.end(), &who);
        if (at == all_.end()) return;
        if (telling_ == 0) all_.erase(at);
        else *at = nullptr;
    }

    /// Calls `what(observer)` for each that was there when it was called and still is when its turn comes.
    template <class Call>
    void tell(Call&& what) {
        const running guard{*this};
        for (std::size_t i = 0, count = all_.size(); i < count; ++i)
            if (Observer* const who = all_[i]) what(*who);
    }

private:
    /// One tell(); the last one to end takes out what was removed meanwhile.
    struct running {
        explicit running(observer_list& of) noexcept : list{of} { ++list.telling_; }
        ~running() {
            if (--list.telling_ == 0) std::erase(list.all_, nullptr);
        }
        observer_list& list;
    };

    std::vector<Observer*> all_;  ///< null: removed while somebody was told
    int telling_ = 0;
};

}  // namespace bester::exchange
