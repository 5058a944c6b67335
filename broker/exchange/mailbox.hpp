#pragma once

#include <mutex>
#include <vector>

#include "exchange/task.hpp"

namespace bester::exchange {

/// The queue through which other threads reach a shard. Any thread may post; only the owner takes.
class mailbox {
public:
    mailbox();
    ~mailbox();
    mailbox(const mailbox&) = delete;
    mailbox& operator=(const mailbox&) = delete;

    void post(task work);
    /// Posts a batch in order and leaves `batch` empty, its memory kept.
    void post(std::vector<task>& batch);
    /// Takes all that is there into `taken` (which must be empty); false if there is nothing.
    bool take(std::vector<task>& taken);
    /// Whether nothing has been posted since the last take().
    bool empty();

    /// Readable while there may be mail: for the owner's event loop.
    int wake_fd() const noexcept { return wake_fd_; }
    /// Makes wake_fd unreadable; by the owner, before it takes.
    void acknowledge() noexcept;

private:
    void wake() noexcept;

    std::mutex mutex_;
    std::vector<task> queued_;
    int wake_fd_;
};

}  // namespace bester::exchange
