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

/// Where a message that another server handed over came from. Kept in its envelope as one opaque
/// text, so that the messages of this server's own clients carry no more than an empty one.
struct remote_origin {
    std::string_view server;
    std::string_view session;  ///< means something there only; empty: a handler sent it unasked
    std::uint64_t ref = 0;     ///< by which the result is told; 0: nobody wants it
    std::uint32_t size = 0;    ///< of the message, as it counts for what its server has at handlers here

    /// As text, and back. `text` must come from here and outlive the result.
    std::string pack() const;
    static remote_origin unpack(std::string_view text) noexcept;
};

/// Users of one remote_delivery.
inline constexpr std::size_t most_users_at_once = 1'000;

/// A delivery to users of another server.
struct remote_delivery {
    std::string_view type_token;
    std::string_view data;
    std::string_view sender;                  ///< user, or handler
    std::span<const std::string_view> users;  ///< names there, without the server's
    bool is_for_everybody = false;
};

/// Data for the handler of the same type on another server.
struct remote_submission {
    std::string_view type_token;
    std::string_view data;
    std::string_view user;
    std::string_view session;  ///< empty: a handler sends it unasked
    std::string_view id_token;
    unsigned hops = 0;  ///< handlers that it went through so far
};

/// What can be told of a server before anything is sent to it.
enum class peer_answer : std::uint8_t {
    yes,
    unknown,    ///< there is no such server
    forbidden,  ///< the config does not let this type go there
};

/// A shard's way to other servers; on the shard's thread only. What is taken is answered through the
/// executor's outcomes, once, if that is wanted.
class peer_port {
public:
    virtual ~peer_port() = default;
    /// May messages of this type go there? `type` without quotes.
    virtual peer_answer may_send(std::string_view server, std::string_view type) const = 0;
    virtual void deliver(std::string_view server, const remote_delivery& what, const acknowledgement& to) = 0;
    virtual void submit(std::string_view server, const remote_submission& what, const acknowledgement& to) = 0;
    /// Answers of handlers here to messages from there. Not none: why it is not taken; then nothing is sent.
    virtual wire::error_code reply(const remote_origin& to, std::string_view type_token, std::string_view data,
                                   std::string_view id_token) = 0;
    /// Called once for each message from there, also where nobody waits for the result.
    virtual void finish(const remote_origin& message, const partial_outcome& outcome) = 0;
    /// The servers that `"*"` means: all that are known by name.
    virtual void for_each_server(const std::function<void(std::string_view)>& call) const = 0;
    /// Those to which there is a link, or a way, now.
    virtual std::vector<std::string> reached_servers() const = 0;
};

/// Who gets events about other servers; on shard 0.
class peer_observer {
public:
    virtual ~peer_observer() = default;
    virtual void on_peer_up(std::string_view server) = 0;
    virtual void on_peer_down(std::string_view server) = 0;
};

}  // namespace bester::exchange
