#include "workers/worker_pool.hpp"

#include <sys/resource.h>
#include <algorithm>
#include <csignal>
#include <utility>

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

worker_pool::~worker_pool() {
    std::deque<task> cancelled;
    {
        const std::lock_guard lock(mutex_);
        is_stopping_ = true;
        cancelled.swap(queue_);
    }
    is_wanted_.notify_all();
    for (auto& each : cancelled) each(turn::cancelled);
    for (auto& thread : threads_) thread.join();
}

bool worker_pool::submit(task wanted) {
    {
        const std::lock_guard lock(mutex_);
        if (is_stopping_ || queue_.size() >= max_waiting_) return false;
        queue_.push_back(std::move(wanted));
    }
    is_wanted_.notify_one();
    return true;
}

void worker_pool::max_waiting(std::size_t most) {
    const std::lock_guard lock(mutex_);
    max_waiting_ = most;
}

std::size_t worker_pool::waiting() const {
    const std::lock_guard lock(mutex_);
    return queue_.size();
}

void worker_pool::work() {
    // On Linux this is the thread's own; without permission everything works, just less politely.
    static_cast<void>(::setpriority(PRIO_PROCESS, 0, ::getpriority(PRIO_PROCESS, 0) + nice_value));
    std::unique_lock lock(mutex_);
    for (;;) {
        is_wanted_.wait(lock, [this] { return is_stopping_ || !queue_.empty(); });
        if (queue_.empty()) return;
        {
            const auto next = std::move(queue_.front());
            queue_.pop_front();
            lock.unlock();
            next(turn::run);
        }
        lock.lock();
    }
}

}  // namespace bester::workers
