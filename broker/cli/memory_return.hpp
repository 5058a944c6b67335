#pragma once

#include <chrono>
#include <cstddef>
#include <functional>

#include <asio.hpp>

namespace bester::cli {

/// Gives memory that was freed back to the system: the C library keeps it, for ever, wherever something that is still
/// in use lies above it. Looks now and then, on the thread of `on`, and does something only when resident memory has
/// grown by much that nobody uses. Then it first lets others free what they keep only to use it again.
class memory_return {
public:
    /// `give_up_spare` asks others to free what they can, and does not wait for them.
    memory_return(asio::io_context& on, std::function<void()> give_up_spare);

private:
    void wait();
    void look();

    asio::steady_timer timer_;
    std::function<void()> give_up_spare_;
    bool has_asked_ = false;  ///< they had the time since the last look
    std::size_t unused_ = 0;  ///< resident and not allocated, after the last time: code, stacks, what lies between
};

}  // namespace bester::cli
