#pragma once

#include <cstddef>
#include <new>
#include <utility>

namespace bester {

/// While it lives, operator new fails on the thread that made it: the call of this number, counted from 1, and those
/// that follow it, `count` in all. For test programs that are linked with failing_allocation.cpp. One at a time on a
/// thread, and destroyed there.
class failing_allocation {
public:
    explicit failing_allocation(std::size_t number, std::size_t count = 1) noexcept;
    ~failing_allocation();
    failing_allocation(const failing_allocation&) = delete;
    failing_allocation& operator=(const failing_allocation&) = delete;

    bool has_failed() const noexcept;
};

/// What became of something in which an allocation was to fail.
struct failed_attempt {
    bool has_failed = false;  ///< there were as many allocations
    bool has_thrown = false;  ///< and the exception came out
};

/// Calls `work` while the allocation of this number fails.
template <class Work>
failed_attempt fail_allocation(std::size_t number, Work&& work) {
    failed_attempt attempt;
    {
        const failing_allocation failing{number};
        try {
            std::forward<Work>(work)();
        } catch (const std::bad_alloc&) {
            attempt.has_thrown = true;
        }
        attempt.has_failed = failing.has_failed();
    }
    return attempt;
}

}  // namespace bester
