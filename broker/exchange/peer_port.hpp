#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/pending_outcomes.hpp"
#include "wire/client_codec.hpp"
#include "wire/error_code.hpp"

namespace bester::exchange {

/// The origin of a message that another server sent. An envelope keeps it packed into one string, so that messages of
/// this server's own clients carry only an empty string.
struct remote_origin {
    std::string_view server;
    std::string_view session;  ///< the session's id on that server; empty if a handler sent the message unasked
    std::uint64_t ref = 0;     ///< that server's number for the result; 0: it wants none
    std::uint32_t size = 0;    ///< bytes that count against that server's share of the handlers' queues here

    /// Returns the origin as one string.
    std::string pack() const;
    /// Reads what pack() returned; `text` must outlive the result.
    static remote_origin unpack(std::string_view text) noexcept;
};

/// How many users one remote_delivery may name.
inline constexpr std::size_t most_users_at_once = 1'000;

/// A delivery to users of another server.
struct remote_delivery {
    std::string_view type_token;
    std::string_view data;
    std::string_view sender;                  ///< name of the user or handler that sends it
    std::span<const std::string_view> users;  ///< user names on that server, without `@server`
    bool is_for_everybody = false;
};

/// Data for the handler of the same type on another server.
struct remote_submission {
    std::string_view type_token;
    std::string_view data;
    std::string_view user;
    std::string_view session;  ///< the sender's session; empty if a handler sends it unasked
    std::string_view id_token;
    unsigned hops = 0;  ///< number of handlers that it has gone through
};

/// The result of peer_port::may_send().
enum class peer_answer : std::uint8_t {
    yes,
    unknown,    ///< there is no such server
    forbidden,  ///< the config does not let this type go there
};

/// A shard's entrance to other servers; on the shard's thread only. For each delivery and submission with a wanted
/// acknowledgement, executor::arrived is called exactly once.
class peer_port {
public:
    virtual ~peer_port() = default;
    /// Returns whether messages of `type` (without quotes) may be sent to `server`.
    virtual peer_answer may_send(std::string_view server, std::string_view type) const = 0;
    /// Sends a delivery to users of `server`.
    virtual void deliver(std::string_view server, const remote_delivery& what, const acknowledgement& to) = 0;
    /// Sends data to the handler of the same type on `server`.
    virtual void submit(std::string_view server, const remote_submission& what, const acknowledgement& to) = 0;
    /// Sends a handler's reply to a message that came from `to.server`. Returns why it was not sent, or
    /// error_code::none.
    virtual wire::error_code reply(const remote_origin& to, std::string_view type_token, std::string_view data,
                                   std::string_view id_token) = 0;
    /// Ends a message that came from another server; called once for each, also if its server wants no result.
    virtual void finish(const remote_origin& message, const partial_outcome& outcome) = 0;
    /// Calls `call` for each server that `"*"` stands for: all that are known by name.
    virtual void for_each_server(const std::function<void(std::string_view)>& call) const = 0;
    /// Returns the servers to which there is a link or a route now.
    virtual std::vector<std::string> reached_servers() const = 0;
};

/// Receives events about other servers; on the thread of shard 0. An observer that cannot take in what it is told ends
/// itself.
class peer_observer {
public:
    virtual ~peer_observer() = default;
    virtual void on_peer_up(std::string_view server) noexcept = 0;
    virtual void on_peer_down(std::string_view server) noexcept = 0;
};

}  // namespace bester::exchange
