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

    /// Without the memory for it `work` is left as it is.
    void post(task&& work);
    /// Posts a batch in order and empties `batch`, whose memory is kept.
    void post(std::vector<task>& batch);
    /// Moves all mail into `taken`, which must be empty; returns false if there is none.
    bool take(std::vector<task>& taken);
    /// Returns whether nothing has been posted since the last take().
    bool empty();

    /// A descriptor for the owner's event loop that is readable while there may be mail.
    int wake_fd() const noexcept { return wake_fd_; }
    /// Makes wake_fd unreadable; called by the owner before take().
    void acknowledge() noexcept;

private:
    void wake() noexcept;

    std::mutex mutex_;
    std::vector<task> queued_;
    int wake_fd_;
};

}  // namespace bester::exchange
