#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include <bester/callback.hpp>

namespace bester::detail {

/// Functions to call at points in time. The clock is the caller's.
class timer_queue {
public:
    using clock = std::chrono::steady_clock;

    /// `interval` 0: once. Returns its id.
    std::uint64_t add(clock::time_point due, clock::duration interval, callback<void()> function);
    void cancel(std::uint64_t id);
    std::optional<clock::time_point> next() const;
    /// Calls `call(function)` for each that is due. One that fell behind is called once, not once
    /// for each interval that was missed. Functions may add and cancel.
    template <class Call>
    void run_due(clock::time_point now, Call&& call) {
        while (!due_.empty() && due_.begin()->first <= now) {
            const std::uint64_t id = due_.begin()->second;
            due_.erase(due_.begin());
            auto entry = entries_.extract(id);
            timer& it = entry.mapped();
            running_ = id;
            call(it.function);
            const bool was_cancelled = running_ == 0;
            running_ = 0;
            if (was_cancelled || it.interval == clock::duration::zero()) continue;
            it.due = it.due + it.interval > now ? it.due + it.interval : now + it.interval;
            due_.emplace(it.due, id);
            entries_.insert(std::move(entry));
        }
    }

private:
    struct timer {
        clock::time_point due;
        clock::duration interval;
        callback<void()> function;
    };
    std::map<std::uint64_t, timer> entries_;
    std::multimap<clock::time_point, std::uint64_t> due_;
    std::uint64_t last_id_ = 0;
    std::uint64_t running_ = 0;
};

}  // namespace bester::detail
