#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

namespace bester::workers {

/// A few threads for what blocks, before them a bounded queue. Any thread may submit. Tasks name their submitter: those
/// of one submitter start in the order submitted, and the submitters take turns, so that nobody waits for all that
/// somebody else has submitted. Tasks run side by side. An exception that leaves one is logged and goes no further; but
/// whoever waits for the task has to be told by itself. The threads take no signals and give way to the shards (a
/// higher nice value).
class worker_pool {
public:
    enum class turn {
        run,
        cancelled,  ///< the task's turn does not come, as the pool ends or has no room: say so to whoever waits,
                    ///< quickly
    };
    using task = std::function<void(turn)>;
    /// The submitter: a number that the caller chooses.
    using submitter = std::uint64_t;

    worker_pool(unsigned threads, std::size_t max_waiting);
    /// As stop() does.
    ~worker_pool() { stop(); }
    worker_pool(const worker_pool&) = delete;
    worker_pool& operator=(const worker_pool&) = delete;

    /// Returns false, and does not take the task, if `max_waiting` tasks wait already or the pool is ending. If so many
    /// wait, and most of them are of a submitter with at least two more than `from`, the last one of that submitter is
    /// cancelled instead (on this thread). An exception means that nothing was changed.
    [[nodiscard]] bool submit(task wanted, submitter from = 0);
    /// Lets running tasks finish, cancels the waiting ones (on this thread) and joins the threads; later ones are
    /// refused. One thread calls it; others may go on to submit.
    void stop();
    void max_waiting(std::size_t most);
    std::size_t waiting() const;

private:
    struct line {
        submitter from;
        std::deque<task> tasks;  ///< never empty
    };
    using line_list = std::list<line>;

    void work();
    static void call(const task& what, turn its_turn) noexcept;
    void add(task&& wanted, submitter from);
    task take_next();
    line_list::iterator longest_before(submitter from);

    mutable std::mutex mutex_;
    std::condition_variable is_wanted_;
    line_list lines_;  ///< in the order of their turns
    std::unordered_map<submitter, line_list::iterator> by_submitter_;
    std::size_t waiting_ = 0;
    std::size_t max_waiting_;
    bool is_stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace bester::workers
