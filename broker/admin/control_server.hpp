#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace asio {
class io_context;
}

namespace bester::admin {

class control_target;

/// The path of the control socket, and the limits of its connections.
struct control_server_settings {
    std::string path;
    std::size_t connections = 16;                       ///< connections at once; one more is answered `busy`
    std::size_t message_size = std::size_t{1} << 20;    ///< largest request, bytes
    std::chrono::milliseconds request_timeout{10'000};  ///< to send a request, to take an answer
    std::chrono::milliseconds answer_timeout{60'000};   ///< for the broker to answer (a reload)
};

/// The control socket: a UNIX socket (0600) on which the broker's administrator asks for status and
/// gives orders, in the frames of proto-docs/admin.md.
///
/// Thread: constructed, used and destroyed on the thread that runs `context` (the control thread). Ownership: owns the
/// socket file and removes it; `target` and `context` must outlive it. An answer that comes after its end is dropped.
/// Errors: `start` throws std::runtime_error if the path cannot be listened on, or another broker listens there; a
/// socket file of a dead process is replaced.
class control_server {
public:
    control_server(asio::io_context& context, control_target& target, control_server_settings settings);
    ~control_server();
    control_server(const control_server&) = delete;
    control_server& operator=(const control_server&) = delete;

    void start();
    /// Stops listening, closes all connections and removes the socket file. Idempotent. Answers
    /// that were already written still reach their reader.
    void close();

    std::size_t connections() const noexcept;

private:
    class state;
    std::shared_ptr<state> state_;
};

}  // namespace bester::admin
