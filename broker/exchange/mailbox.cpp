#include "exchange/mailbox.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <system_error>

namespace bester::exchange {

mailbox::mailbox() : wake_fd_{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)} {
    if (wake_fd_ < 0) throw std::system_error{errno, std::generic_category(), "eventfd"};
}

mailbox::~mailbox() { ::close(wake_fd_); }

void mailbox::post(task&& work) {
    bool was_empty;
    {
        const std::lock_guard lock{mutex_};
        was_empty = queued_.empty();
        queued_.push_back(std::move(work));
    }
    if (was_empty) wake();
}

void mailbox::post(std::vector<task>& batch) {
    if (batch.empty()) return;
    bool was_empty;
    {
        const std::lock_guard lock{mutex_};
        was_empty = queued_.empty();
        if (was_empty) {
            queued_.swap(batch);
        } else {
            // All or nothing: if there is no memory, the batch stays unchanged.
            const std::size_t size = queued_.size() + batch.size();
            if (size > queued_.capacity()) queued_.reserve(std::max(size, 2 * queued_.capacity()));
            for (task& work : batch) queued_.push_back(std::move(work));
        }
    }
    batch.clear();
    if (was_empty) wake();
}

bool mailbox::take(std::vector<task>& taken) {
    const std::lock_guard lock{mutex_};
    queued_.swap(taken);
    return !taken.empty();
}

bool mailbox::empty() {
    const std::lock_guard lock{mutex_};
    return queued_.empty();
}

void mailbox::acknowledge() noexcept {
    std::uint64_t count;
    [[maybe_unused]] const auto read = ::read(wake_fd_, &count, sizeof count);
}

void mailbox::wake() noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_fd_, &one, sizeof one);
}

}  // namespace bester::exchange
