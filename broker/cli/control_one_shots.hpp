#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

#include <asio/io_context.hpp>

#include "handlers/one_shot_queue.hpp"

namespace bester::cli {

/// Calls one-shot handlers from the control thread, whose loop must outlive it.
class control_one_shots final : public handlers::one_shot_runner {
public:
    explicit control_one_shots(asio::io_context& control) : control_{control} {}
    /// Any thread; `done` is called on the control thread.
    void call(std::string socket_path, std::string data, std::chrono::milliseconds limit, std::size_t size_limit,
              std::function<void(handlers::one_shot_result)> done) override;

private:
    asio::io_context& control_;
};

}  // namespace bester::cli
