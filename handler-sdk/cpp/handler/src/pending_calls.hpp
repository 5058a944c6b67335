#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

namespace bester::detail {

/// Functions that wait for an answer of the broker, by the number they were given. Bounded: the
/// broker owes no report for a command that it refused, so the oldest give way.
template <class Function>
class pending_calls {
public:
    static constexpr std::size_t most = 100'000;

    std::uint64_t next_number() const noexcept { return last_ + 1; }
    std::uint64_t add(Function function) {
        if (waiting_.size() == most) waiting_.erase(waiting_.begin());
        waiting_.emplace_hint(waiting_.end(), ++last_, std::move(function));
        return last_;
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
