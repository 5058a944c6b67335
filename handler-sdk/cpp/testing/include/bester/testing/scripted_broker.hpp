#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace bester::testing {

/// The handler ended, or did not do the expected thing in time.
class handler_gone : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// The broker's side of the handler protocol, played by a test: listens on a UNIX socket in a
/// temporary directory of its own, and sends and receives what it is told to. Owns the directory
/// and all connections. One thread. Throws handler_gone where a handler closes or is late, and
/// std::system_error where the system refuses.
class scripted_broker {
public:
    using milliseconds = std::chrono::milliseconds;

    /// `limit`: how long each step may take.
    explicit scripted_broker(unsigned shards = 1, milliseconds limit = milliseconds{5'000});
    ~scripted_broker();
    scripted_broker(const scripted_broker&) = delete;
    scripted_broker& operator=(const scripted_broker&) = delete;

    const std::string& socket_path() const noexcept { return socket_path_; }
    unsigned shards() const noexcept { return shards_; }
    /// Gives up waiting when this pidfd becomes readable. -1: none. Not owned.
    void watch_process(int pidfd) noexcept { process_ = pidfd; }

    /// Waits for the next connection and reads its hello. Its shard is the number of connections so far.
    nlohmann::json accept_hello();
    /// Welcomes the last connection; `fields` are added or replace what stands there by default.
    void welcome(const nlohmann::json& fields = nlohmann::json::object());
    /// Both, for all shards. Returns the first hello.
    nlohmann::json attach(const nlohmann::json& fields = nlohmann::json::object());

    void send(unsigned shard, const nlohmann::json& frame);
    void send_bytes(unsigned shard, std::string_view bytes);
    /// Sends what the socket takes, waiting at most `timeout` for room. Returns how much.
    std::size_t try_send_bytes(unsigned shard, std::string_view bytes, milliseconds timeout);
    static std::string frame_of(const nlohmann::json& frame);

    /// Whether the handler has said that it is ready, as far as its frames were read; those that say so are not
    /// received.
    bool is_ready() const noexcept { return is_ready_; }
    /// The next frame on this channel.
    nlohmann::ordered_json receive(unsigned shard);
    /// The next frame on any channel; nothing if none comes within `timeout`.
    struct received {
        unsigned shard = 0;
        nlohmann::ordered_json frame;
    };
    std::optional<received> receive_any(milliseconds timeout);
    /// Waits until the handler has closed this channel; frames that come before are dropped.
    void await_close(unsigned shard);
    /// Closes each channel when the handler has closed its side, as a broker does; frames that come before are dropped.
    /// Returns when all are closed, the watched process has ended, or at `until`.
    void close_after_handler(std::chrono::steady_clock::time_point until);
    /// Closes all channels, as a broker that goes away. A handler may attach again.
    void close_channels();

private:
    struct connection {
        int fd = -1;
        std::string unread;
    };
    std::optional<nlohmann::ordered_json> take_frame(connection& from);
    std::optional<nlohmann::ordered_json> take_any_frame(connection& from);
    /// False at the end of the stream.
    bool read_some(connection& from);
    /// Returns the index of a readable descriptor, or none. `fds` may contain -1.
    std::optional<std::size_t> wait_readable(const std::vector<int>& fds, milliseconds timeout);
    nlohmann::ordered_json receive_from(connection& from);

    unsigned shards_;
    milliseconds limit_;
    std::string directory_;
    std::string socket_path_;
    int listener_ = -1;
    int process_ = -1;
    bool is_ready_ = false;
    std::vector<connection> connections_;
};

}  // namespace bester::testing
