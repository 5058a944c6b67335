#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

namespace bester::detail {

/// Functions that wait for an answer of the broker, by the number they were given. The broker owes one
/// for each; bounded all the same: the oldest gives way, and whoever adds has to call it.
template <class Function>
class pending_calls {
public:
    static constexpr std::size_t most = 100'000;

    std::uint64_t next_number() const noexcept { return last_ + 1; }
    /// Keeps it under next_number(). Returns the function that gave way, mostly an empty one.
    [[nodiscard]] Function add(Function function) {
        Function oldest;
        if (waiting_.size() == most) {
            oldest = std::move(waiting_.begin()->second);
            waiting_.erase(waiting_.begin());
        }
        waiting_.emplace_hint(waiting_.end(), ++last_, std::move(function));
        return oldest;
    }
    /// Takes it out; an empty function if it is not there.
    Function take(std::uint64_t number) {
        const auto found = waiting_.find(number);
        if (found == waiting_.end()) return {};
        Function function = std::move(found->second);
        waiting_.erase(found);
        return function;
    }
    std::map<std::uint64_t, Function> take_all() { return std::exchange(waiting_, {}); }

private:
    std::map<std::uint64_t, Function> waiting_;
    std::uint64_t last_ = 0;
};

}  // namespace bester::detail
