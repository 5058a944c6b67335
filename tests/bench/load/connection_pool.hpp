#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "load/protocol.hpp"
#include "load/websocket.hpp"
#include "measure/byte_queue.hpp"
#include "measure/sockets.hpp"

namespace bester::bench {

/// One connection to the target.
struct connection {
    unique_fd fd;
    role as = role::requester;
    std::uint32_t index = 0;   ///< among all
    std::uint32_t number = 0;  ///< among those that were connected together
    unsigned ready = 0;        ///< how often it became ready: 1 after log-in, one more for each ping
    bool waits_for_room = false;
    byte_queue partial;  ///< the beginning of a message whose rest has not come
    byte_queue out;
    std::optional<websocket_layer> websocket;
    byte_queue carried;  ///< with WebSocket: what arrived, unwrapped
    byte_queue wire;     ///< with WebSocket: what is to be sent, wrapped

    bool has_output() const noexcept { return !out.empty() || !wire.empty(); }
};

/// What a workload does with what its connections hear; called by connection_pool::turn.
class workload {
public:
    virtual ~workload() = default;
    virtual void on_ready(connection&) {}
    virtual void on_part(connection&, unsigned part, request_id id);
    virtual void on_delivery(connection&, request_id id);
    virtual void on_published(connection&, request_id id, std::int64_t delivered);
};

/// All connections of a run on one epoll. One thread. Every wait has a deadline; everything that
/// goes wrong is an exception, which ends the run.
class connection_pool {
public:
    connection_pool(const protocol& speaks, std::uint16_t port);

    /// Connects and logs in `count` more, at most `at_once` of them at the same time.
    void connect(std::size_t count, role as, workload& who, std::size_t at_once = 128);
    /// The same at another port.
    void connect_to(std::uint16_t port, std::size_t count, role as, workload& who, std::size_t at_once = 128);
    /// Waits for readiness once, reads and parses what there is, writes what the callbacks queued
    /// on the connections that were read.
    void turn(int timeout_ms, workload& who);
    /// Turns until `done()`; throws, naming `what`, if that takes longer than `limit_ms`.
    void run_until(const std::function<bool()>& done, std::int64_t limit_ms, const char* what, workload& who);
    /// Writes what is queued on a connection outside of its own turn.
    void flush(connection& to);

    std::deque<connection>& connections() noexcept { return connections_; }
    const protocol& speaks() const noexcept { return speaks_; }

private:
    class adapter;
    void read(connection& from, workload& who);
    std::size_t take(connection& from, std::string_view bytes, answer_sink& sink);

    const protocol& speaks_;
    std::uint16_t port_;
    unique_fd epoll_;
    std::deque<connection> connections_;
    std::vector<char> receive_;
};

}  // namespace bester::bench
