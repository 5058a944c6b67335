#pragma once

#include <asio/io_context.hpp>

#include <chrono>

namespace bester::handlers::testing {

/// Runs `io` until `condition` holds; false if it does not within the limit.
template <class Condition>
bool eventually(asio::io_context& io, Condition condition, std::chrono::milliseconds limit = std::chrono::seconds(20)) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= deadline) return false;
        if (io.stopped()) io.restart();
        io.run_one_for(std::chrono::milliseconds(10));
    }
    return true;
}

}  // namespace bester::handlers::testing
