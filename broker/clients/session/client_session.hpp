#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "clients/connection/connection.hpp"
#include "clients/session/user_session.hpp"

namespace bester::clients {

/// The session of a user whose client has a connection for itself: its log-in and the messages that it sends. Derived
/// classes write the answers.
///
///   first ──credentials──▶ verifying ──good──▶ accepted ──first payload──▶ open
///     └── anonymous, or verified lately ───────────▲
///   open ──`close`──▶ closing (reads nothing more) ──all answered──▶ ending
///   any ──▶ ending (told why, written out) ──▶ closed
class client_session : public connection, public user_session {
public:
    void end(wire::error_code code, exchange::close_reason reason) final { connection::end(code, reason); }
    void disconnect(const wire::status_error& why) final;
    bool takes_from_servers() final;
    std::string address() const final { return connection::address(); }
    std::string describe() const final;
    user_session* session() noexcept final { return this; }
    bool give_up_waiting() final { return give_up_login(); }

protected:
    enum class state : std::uint8_t { first, verifying, accepted, open, closing };
    /// Reasons not to read it, beside those of framed_stream.
    enum hold_reason : std::uint8_t { on_unanswered = 1, on_login = 2 };

    client_session(shard_clients& owner, connection_parts& from);
    shard_clients& clients() const noexcept final { return owner_; }
    const listener_settings& listener() const noexcept final { return listener_; }

    using user_session::log_in;
    /// Logs in with the credentials of a message, and then handles the rest of it.
    exchange::frame_verdict log_in(const wire::client_message& message);
    /// Returns the authentication methods: those of the listener, or of the path if it has its own.
    virtual const std::vector<authentication_method>& methods() const noexcept { return listener_.authentication; }
    /// Handles a message of a client that has logged in; `is_first`: the message came with the log-in.
    virtual exchange::frame_verdict handle(const wire::client_message& message, bool is_first) = 0;
    /// Gives a message to its handler, or leaves it until there is room for it.
    exchange::frame_verdict pass_on(const wire::client_message& message);
    /// Counts one message as answered.
    void settle_message() noexcept { --unanswered_; }
    /// Continues work that waited for answers; to be called after the client has got the one that came.
    void go_on_answered();
    std::size_t message_limit() const noexcept { return connection::message_limit(is_authenticated()); }

    void logged_in() override;
    void logged_in_late() final { release(on_login); }
    void detach() override;
    void on_end_of_input() final;
    std::size_t awaited_frames() const noexcept final;

    state state_ = state::first;
};

}  // namespace bester::clients
