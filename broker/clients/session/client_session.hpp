#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "clients/connection/connection.hpp"
#include "clients/session/user_session.hpp"

namespace bester::clients {

/// The session of a user whose client has a connection for itself: its log-in, the messages that it sends and how many
/// of them are unanswered. What is written derived classes know.
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
    /// Why it is not read, beside framed_stream's own reasons.
    enum hold_reason : std::uint8_t { on_unanswered = 1, on_login = 2 };

    client_session(shard_clients& owner, connection_parts& from);
    using connection::listener_;
    using connection::owner_;

    using user_session::log_in;
    /// Logs in with what a message brings, and then handles the rest of that.
    exchange::frame_verdict log_in(const wire::client_message& message);
    /// Ways to log in: those of the listener, or of the path if it has its own.
    virtual const std::vector<authentication_method>& methods() const noexcept { return listener_.authentication; }
    /// Handles a message of a client that has logged in; `is_first`: it came with the log-in.
    virtual exchange::frame_verdict handle(const wire::client_message& message, bool is_first) = 0;
    /// Gives a message to its handler, or leaves it until there is room for it.
    exchange::frame_verdict pass_on(const wire::client_message& message);
    /// One message is unanswered no more.
    void settle_message() noexcept { --unanswered_; }
    /// Does what waited for answers. To be called when the client has been told of the one that came.
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
