#include "workers/worker_pool.hpp"

#include <sys/resource.h>
#include <algorithm>
#include <csignal>
#include <exception>
#include <iterator>
#include <utility>

#include "log/log.hpp"

namespace bester::workers {

namespace {

constexpr int nice_value = 5;

}  // namespace

worker_pool::worker_pool(unsigned threads, std::size_t max_waiting) : max_waiting_(max_waiting) {
    // Threads inherit the mask: signals are the business of the thread that started us.
    sigset_t all;
    sigset_t previous;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &previous);
    for (unsigned i = 0; i < std::max(1U, threads); ++i) threads_.emplace_back([this] { work(); });
    pthread_sigmask(SIG_SETMASK, &previous, nullptr);
}

void worker_pool::stop() {
    line_list cancelled;
    {
        const std::lock_guard lock(mutex_);
        is_stopping_ = true;
        cancelled.swap(lines_);
        by_submitter_.clear();
        waiting_ = 0;
    }
    is_wanted_.notify_all();
    for (auto& each : cancelled)
        for (auto& wanted : each.tasks) call(wanted, turn::cancelled);
    for (auto& thread : threads_) thread.join();
    threads_.clear();
}

bool worker_pool::submit(task wanted, submitter from) {
    task cancelled;
    {
        const std::lock_guard lock(mutex_);
        if (is_stopping_) return false;
        const bool is_full = waiting_ >= max_waiting_;
        const auto longest = is_full ? longest_before(from) : lines_.end();
        if (is_full && longest == lines_.end()) return false;
        add(std::move(wanted), from);
        if (is_full) {
            cancelled = std::move(longest->tasks.back());
            longest->tasks.pop_back();
            --waiting_;
        }
    }
    is_wanted_.notify_one();
    if (cancelled) call(cancelled, turn::cancelled);
    return true;
}

/// Runs a task on this thread.
void worker_pool::call(const task& what, turn its_turn) noexcept {
    try {
        what(its_turn);
    } catch (const std::exception& error) {
        log::error("a task of a pool of threads ended by an unexpected error: {}", error.what());
    }
}

/// At the end of its submitter's line.
void worker_pool::add(task&& wanted, submitter from) {
    if (const auto known = by_submitter_.find(from); known != by_submitter_.end()) {
        known->second->tasks.push_back(std::move(wanted));
    } else {
        // Nothing is in a list before all that may fail is done.
        line_list made;
        made.push_back({from, {}});
        made.back().tasks.push_back(std::move(wanted));
        by_submitter_.emplace(from, made.begin());
        lines_.splice(lines_.end(), made);
    }
    ++waiting_;
}

/// The first task of the submitter whose turn it is, which has its next turn after all others. There is one.
worker_pool::task worker_pool::take_next() {
    line& first = lines_.front();
    task next = std::move(first.tasks.front());
    first.tasks.pop_front();
    --waiting_;
    if (first.tasks.empty()) {
        by_submitter_.erase(first.from);
        lines_.pop_front();
    } else {
        lines_.splice(lines_.end(), lines_, lines_.begin());
    }
    return next;
}

/// The line of the submitter with the most; the end: nobody has at least two more than `from`.
worker_pool::line_list::iterator worker_pool::longest_before(submitter from) {
    const auto known = by_submitter_.find(from);
    const std::size_t own = known == by_submitter_.end() ? 0 : known->second->tasks.size();
    const auto longest = std::max_element(lines_.begin(), lines_.end(),
                                          [](const line& a, const line& b) { return a.tasks.size() < b.tasks.size(); });
    return longest == lines_.end() || longest->tasks.size() < own + 2 ? lines_.end() : longest;
}

void worker_pool::max_waiting(std::size_t most) {
    const std::lock_guard lock(mutex_);
    max_waiting_ = most;
}

std::size_t worker_pool::waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_;
}

void worker_pool::work() {
    // On Linux this is the thread's own; without permission everything works, just less politely.
    static_cast<void>(::setpriority(PRIO_PROCESS, 0, ::getpriority(PRIO_PROCESS, 0) + nice_value));
    std::unique_lock lock(mutex_);
    for (;;) {
        is_wanted_.wait(lock, [this] { return is_stopping_ || waiting_ > 0; });
        if (waiting_ == 0) return;
        {
            const task next = take_next();
            lock.unlock();
            call(next, turn::run);
        }
        lock.lock();
    }
}

}  // namespace bester::workers
