#pragma once

#include <asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "wire/error_code.hpp"

namespace bester::peering {

/// Sends messages to servers that run the original daemon: each message has a connection of its own, which is closed
/// after writing; there is no answer. On the control thread. proto-docs/peering.md, "The original daemon".
class legacy_sender : public std::enable_shared_from_this<legacy_sender> {
public:
    /// Called with `none` when the other side's kernel has taken all of it, else with busy or peer_unreachable, and the
    /// reason.
    using completion = std::function<void(wire::error_code, std::string)>;

    explicit legacy_sender(asio::io_context& control) : control_{control} {}

    /// Sets the largest number of connections at a time; further messages wait.
    void set_most_connections(std::size_t most) noexcept { most_connections_ = most; }

    /// Sends `frame` to "host:port" within `limit`. At most `most_waiting` messages wait for a connection.
    void send(std::string address, std::string frame, std::chrono::milliseconds limit, std::size_t most_waiting,
              completion done);

private:
    struct job {
        std::string address;
        std::string frame;
        std::chrono::steady_clock::time_point deadline;
        completion done;
    };
    void begin(job what);
    void ended();

    asio::io_context& control_;
    std::size_t most_connections_ = 1;
    std::size_t connections_ = 0;
    std::deque<job> waiting_;
};

/// Returns the original daemon's message from a server. `type_token` has its quotes.
std::string legacy_frame(std::string_view type_token, std::string_view data);

}  // namespace bester::peering
