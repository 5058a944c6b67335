#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace bester::workers {

/// A few threads for what blocks, before them a bounded queue. Any thread may submit; tasks start in
/// the order submitted, run side by side, and must not throw. The threads take no signals and give
/// way to the shards (a higher nice value).
class worker_pool {
public:
    enum class turn {
        run,
        cancelled,  ///< the pool goes before the task's turn came: say so to whoever waits, quickly
    };
    using task = std::function<void(turn)>;

    worker_pool(unsigned threads, std::size_t max_waiting);
    /// Lets running tasks finish, cancels the waiting ones (on this thread) and joins.
    ~worker_pool();
    worker_pool(const worker_pool&) = delete;
    worker_pool& operator=(const worker_pool&) = delete;

    /// False, and the task is not taken, if `max_waiting` tasks wait already or the pool is going.
    [[nodiscard]] bool submit(task wanted);
    void max_waiting(std::size_t most);
    std::size_t waiting() const;

private:
    void work();

    mutable std::mutex mutex_;
    std::condition_variable is_wanted_;
    std::deque<task> queue_;
    std::size_t max_waiting_;
    bool is_stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace bester::workers
