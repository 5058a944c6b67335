#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <bester/client_events.hpp>
#include <bester/destination.hpp>

namespace bester {

/// The client's credentials. All empty: an anonymous session, where the listener allows it.
struct credentials {
    std::string user;
    std::string password;
    std::string token;  ///< instead of user and password, where the listener takes tokens
};

/// For endpoints "tls:host:port". Files are PEM, read at each connecting.
struct tls_options {
    std::string authority;    ///< whose certificates are trusted; empty: those that the system trusts
    std::string certificate;  ///< the client's certificate with its chain, where the listener requests one; empty: none
    std::string key;          ///< of `certificate`; empty: it stands in the same file
    std::string name;         ///< that the broker's certificate must have; empty: the endpoint's host
};

/// Connecting again after a loss: pauses double from `initial_delay` to `longest_delay`, with jitter. Where the broker
/// says when (`error_info::retry_after`), the pause comes after that.
struct reconnect_options {
    bool enabled = false;
    std::chrono::milliseconds initial_delay{500};
    std::chrono::milliseconds longest_delay{30'000};
};

/// Limits and deadlines of a client.
struct client_options {
    std::chrono::milliseconds connect_timeout{10'000};  ///< until logged in
    std::chrono::milliseconds answer_timeout{10'000};   ///< of `send`, if the call gives none
    std::chrono::milliseconds write_timeout{10'000};    ///< of `post` and `submit`
    /// Over TCP, a broker that vanished without a word is noticed after both together: so long nothing comes before it
    /// is probed, and then it has so long to answer. In whole seconds, 1 s at least. As the broker's own defaults.
    std::chrono::milliseconds keepalive_idle{25'000};
    std::chrono::milliseconds keepalive_timeout{10'000};
    std::size_t message_size = std::size_t{1} << 20;   ///< largest frame to send, bytes
    std::size_t receive_size = std::size_t{16} << 20;  ///< largest frame to take, bytes
    std::size_t queued_events = 10'000;                ///< received but not yet fetched by `receive`
    std::size_t queued_bytes = std::size_t{64} << 20;  ///< their frames together
    reconnect_options reconnect;
    tls_options tls;
};

/// Thrown by `client::connect`, the only function here that throws for what the other side does.
class connect_error : public std::runtime_error {
public:
    enum class stage {
        connecting,  ///< no broker could be reached at the endpoint, TLS failed (`tls_failed`), or it is no bester
        login,       ///< the broker refused the log-in; `info().code` says why
        timeout,     ///< no answer within `client_options::connect_timeout`
    };

    connect_error(stage where, error_info info, std::string frame = {})
        : std::runtime_error(info.reason), stage_(where), info_(std::move(info)), frame_(std::move(frame)) {}

    stage where() const noexcept { return stage_; }
    const error_info& info() const noexcept { return info_; }
    /// The frame in which the broker refused, as received; empty if it sent none.
    const std::string& frame() const noexcept { return frame_; }

private:
    stage stage_;
    error_info info_;
    std::string frame_;
};

/// One session at a bester broker: the client protocol of proto-docs/client.md as blocking calls.
///
/// Ownership: owns its socket and everything it received; arguments are only used during the call.
/// Threads: none of its own; use a client from one thread at a time. Different clients are
/// independent. To wait for several things at once, poll `file_descriptor()` for reading and then
/// call `receive` with 0 until it returns nothing.
/// Errors: `connect` throws connect_error; after that all that goes wrong is a value. Every wait
/// has a deadline (except the system's name resolution during `connect`).
///
/// What arrives while `send` waits for its own status is kept for `receive`, up to
/// `queued_events` and `queued_bytes`; beyond, the connection is given up with
/// `receive_queue_full`, as nothing is ever dropped silently.
class client {
public:
    /// `endpoint` is "host:port", "[::1]:port", "unix:/path", or "tls:" before host and port. Returns a
    /// logged-in client.
    static client connect(const std::string& endpoint, credentials who = {}, client_options options = {});

    client(client&&) noexcept;
    client& operator=(client&&) noexcept;
    ~client();  ///< closes

    /// Sends a message, waits for its status and collects the replies; `send({"chat", "room 7"}, …)` gives it a
    /// routing key. After a timeout, what still
    /// comes for it is given to `receive`.
    [[nodiscard]] outcome send(const destination& to, const nlohmann::json& data);
    [[nodiscard]] outcome send(const destination& to, const nlohmann::json& data, std::chrono::milliseconds timeout);
    /// The same with data that is JSON text already and travels byte for byte.
    [[nodiscard]] outcome send_raw(const destination& to, std::string_view data);
    [[nodiscard]] outcome send_raw(const destination& to, std::string_view data, std::chrono::milliseconds timeout);

    /// Sends a message without id, for which no status comes.
    [[nodiscard]] submission post(const destination& to, const nlohmann::json& data);
    [[nodiscard]] submission post_raw(const destination& to, std::string_view data);

    /// Sends a message with an id and returns; its replies and then its status come by `receive`.
    /// `id` empty: one is chosen. An id of your own must be unique among the unanswered ones.
    [[nodiscard]] submission submit(const destination& to, const nlohmann::json& data, std::string id = {});
    [[nodiscard]] submission submit_raw(const destination& to, std::string_view data, std::string id = {});

    /// What happened next, in the order received; nothing if nothing did within `timeout`. With
    /// `reconnect_options::enabled` it also connects again, within `timeout`: give it a second or
    /// more then.
    std::optional<client_event> receive(std::chrono::milliseconds timeout);

    bool is_connected() const noexcept;
    /// For poll(); -1 while not connected.
    int file_descriptor() const noexcept;
    /// How many messages with an id have no status yet.
    std::size_t unanswered() const noexcept;
    /// The user that the broker says we are.
    const std::string& user() const noexcept;
    /// The good status that answered the log-in.
    const status& login() const noexcept;

    /// Closes the connection for good. Received events can still be fetched.
    void close() noexcept;

private:
    class connection;
    explicit client(std::unique_ptr<connection> made);
    std::unique_ptr<connection> connection_;
};

}  // namespace bester
