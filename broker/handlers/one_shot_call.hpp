#pragma once

#include "handlers/one_shot.hpp"

#include <asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <string>

namespace bester::handlers {

/// Hands one message to a handler of the original daemon: connects to its UNIX socket, sends one
/// frame with `data` (JSON), reads one frame of at most `size_limit` bytes, closes.
///
/// Runs on the io_context that awaits it; many calls may run at once. Never throws because of the handler, and ends at
/// `deadline` at the latest.
asio::awaitable<one_shot_result> call_one_shot(std::string socket_path, std::string data,
                                               std::chrono::steady_clock::time_point deadline, std::size_t size_limit);

}  // namespace bester::handlers
