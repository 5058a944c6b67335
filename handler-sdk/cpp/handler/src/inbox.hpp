#pragma once

#include <mutex>
#include <thread>
#include <vector>

#include <bester/callback.hpp>

#include "file_descriptor.hpp"

namespace bester::detail {

class runtime;

/// The door to a handler's loop for other threads: functions to be called there, and an eventfd that
/// wakes it. Shared by the runtime, which goes away with the handler, and by responders, which may
/// stay: then `with_runtime` and `post` do nothing.
class inbox {
public:
    explicit inbox(runtime& owner);

    /// To be called on the loop's thread, in the order posted. False: the handler is gone.
    bool post(callback<void(runtime&)> function);
    /// As post, but at once when this is the loop's thread.
    void run(callback<void(runtime&)> function);
    /// For the runtime: `run()` was entered, or left.
    void set_loop_thread(std::thread::id thread);
    /// For the runtime: it is going away.
    void close();
    /// For the runtime: takes everything posted so far, and clears the eventfd.
    void take(std::vector<callback<void(runtime&)>>& functions);
    int event_fd() const noexcept { return event_.get(); }
    /// The handler, if this is the thread on which its loop runs; else nullptr.
    runtime* owner_on_loop_thread() const;

private:
    mutable std::mutex mutex_;
    runtime* owner_;
    std::thread::id loop_thread_;
    std::vector<callback<void(runtime&)>> posted_;
    file_descriptor event_;
};

}  // namespace bester::detail
