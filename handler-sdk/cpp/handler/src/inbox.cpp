#include "inbox.hpp"

#include <sys/eventfd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

namespace bester::detail {

inbox::inbox(runtime& owner) : owner_{&owner}, event_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
    if (!event_) throw std::system_error{errno, std::generic_category(), "eventfd"};
}

bool inbox::post(callback<void(runtime&)> function) {
    const std::lock_guard lock{mutex_};
    if (owner_ == nullptr) return false;
    posted_.push_back(std::move(function));
    if (posted_.size() > 1) return true;  // the loop has been woken already
    const std::uint64_t one = 1;
    return ::write(event_.get(), &one, sizeof one) == sizeof one;
}

void inbox::run(callback<void(runtime&)> function) {
    if (runtime* const owner = owner_on_loop_thread()) function(*owner);
    else post(std::move(function));
}

runtime* inbox::owner_on_loop_thread() const {
    const std::lock_guard lock{mutex_};
    return loop_thread_ == std::this_thread::get_id() ? owner_ : nullptr;
}

void inbox::set_loop_thread(std::thread::id thread) {
    const std::lock_guard lock{mutex_};
    loop_thread_ = thread;
}

void inbox::close() {
    // Destroyed outside of the lock: a posted function may own a responder, which posts.
    std::vector<callback<void(runtime&)>> dropped;
    const std::lock_guard lock{mutex_};
    owner_ = nullptr;
    dropped.swap(posted_);
}

void inbox::take(std::vector<callback<void(runtime&)>>& functions) {
    const std::lock_guard lock{mutex_};
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(event_.get(), &count, sizeof count);
    functions.swap(posted_);
}

}  // namespace bester::detail
