#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace bester::exchange {

/// A list of observers in the order in which they were added. It refers to them: an observer must be removed before it
/// is destroyed, which is allowed during tell(). Belongs to one thread.
template <class Observer>
class observer_list {
public:
    /// Adds an observer, which is called from the next tell() on.
    void add(Observer& who) { all_.push_back(&who); }

    /// Removes an observer, which is not called any more, not even by a tell() that is running.
    void remove(Observer& who) noexcept {
        const auto at = std::find(all_.begin(), all_.end(), &who);
        if (at == all_.end()) return;
        if (telling_ == 0) all_.erase(at);
        else *at = nullptr;
    }

    /// Calls `what(observer)` for each observer that was in the list at the beginning and still is when its turn comes.
    template <class Call>
    void tell(Call&& what) {
        const running guard{*this};
        for (std::size_t i = 0, count = all_.size(); i < count; ++i)
            if (Observer* const who = all_[i]) what(*who);
    }

private:
    /// A running tell(); the last one to end takes removed observers out of the list.
    struct running {
        explicit running(observer_list& of) noexcept : list{of} { ++list.telling_; }
        ~running() {
            if (--list.telling_ == 0) std::erase(list.all_, nullptr);
        }
        observer_list& list;
    };

    std::vector<Observer*> all_;  ///< null: removed during a tell()
    int telling_ = 0;
};

}  // namespace bester::exchange
