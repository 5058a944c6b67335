#pragma once

#include <chrono>
#include <cstddef>

#include <asio.hpp>

namespace bester::cli {

/// Gives memory that was freed back to the system: the C library keeps it, for ever, wherever something that is still
/// in use lies above it. Looks now and then, on the thread of `on`, and does something only when resident memory has
/// grown by much that nobody uses.
class memory_return {
public:
    explicit memory_return(asio::io_context& on);

private:
    void wait();
    void look();

    asio::steady_timer timer_;
    std::size_t unused_ = 0;  ///< resident and not allocated, after the last time: code, stacks, what lies between
};

}  // namespace bester::cli
