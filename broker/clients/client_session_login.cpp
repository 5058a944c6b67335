// client_session: who is it?
#include <algorithm>
#include <string>

#include "clients/anonymous_name.hpp"
#include "clients/client_session.hpp"
#include "clients/remote_address.hpp"
#include "clients/shard_clients.hpp"
#include "exchange/shard.hpp"
#include "wire/names.hpp"

namespace bester::clients {

using exchange::close_reason;
using exchange::counter;
using exchange::frame_verdict;
using wire::client_message;
using wire::error_code;

frame_verdict client_session::log_in(const client_message& message) {
    const auto takes = [&](authentication_method method) {
        const auto& methods = listener_.authentication;
        return std::find(methods.begin(), methods.end(), method) != methods.end();
    };
    if (message.scope == "server" && listener_.accept_servers) return take_from_server(message);
    if (!message.scope.empty() && message.scope != "client") return refuse_login(error_code::authentication_unsupported);
    switch (message.credentials) {
        case wire::credentials_kind::none:
            if (!takes(authentication_method::anonymous)) return refuse_login(error_code::authentication_required);
            accept(make_anonymous_name());
            break;
        case wire::credentials_kind::password:
            if (!takes(authentication_method::accounts)) return refuse_login(error_code::authentication_unsupported);
            if (!wire::is_user_name(message.user)) return refuse_login(error_code::authentication_failed);
            if (!owner_.logins().is_remembered(message.user, message.password)) {
                state_ = state::verifying;
                // Kept apart, as the name must be known when the answer comes; the frame is read again then.
                user_ = message.user;
                const std::uint64_t ticket = owner_.start_verification(*this);
                owner_.logins().verify(message.user, message.password,
                                       [&clients = owner_, &home = shard_, ticket](login_result result) {
                                           home.post([&clients, ticket, result](exchange::shard&) {
                                               if (client_session* who = clients.take_ticket(ticket))
                                                   who->verified(result);
                                           });
                                       });
                held_ |= on_login;
                return frame_verdict::not_yet;
            }
            has_account_ = true;
            accept(message.user);
            break;
        case wire::credentials_kind::token:
        case wire::credentials_kind::unknown: return refuse_login(error_code::authentication_unsupported);
    }
    state_ = state::open;
    return handle(message, true);
}

/// A message that another server's original daemon hands over: for the handler of its type, from nobody
/// in particular. Nothing is answered, and the connection stays as it was: without a session.
frame_verdict client_session::take_from_server(const client_message& message) {
    shard_.count(counter::messages);
    if (message.type == "dummy" || message.type == "builtin") return frame_verdict::taken;
    exchange::handler_port* const port = shard_.routes().serving(message.type);
    if (!port || owner_.is_draining()) return frame_verdict::taken;
    const std::string from = exchange::remote_origin{remote_address(fd()), {}, 0}.pack();
    exchange::envelope_view envelope;
    envelope.remote = from;
    envelope.type_token = message.type_token;
    port->submit(envelope, message.type, message.data);
    return frame_verdict::taken;
}

frame_verdict client_session::refuse_login(error_code code) {
    shard_.count(counter::authentications_failed);
    send_bad(wire::authentication_id, wire::as_status_error(code));
    close_after_flush(close_reason::authentication);
    return frame_verdict::closed;
}

void client_session::verified(login_result result) {
    if (state_ != state::verifying) return;
    switch (result) {
        case login_result::accepted:
            has_account_ = true;
            accept(std::string{user_});
            release(on_login);
            return;
        case login_result::rejected:
        case login_result::bad_password: refuse_login(error_code::authentication_failed); return;
        case login_result::busy:
        case login_result::unavailable: refuse_login(error_code::busy); return;
    }
}

void client_session::accept(std::string_view user) {
    state_ = state::accepted;
    user_ = user;
    id_ = shard_.sessions().add(*this);
    shard_.users().add(user_, id_);
    owner_.authenticated(*this);
    send_frame(wire::authenticated_frame(user_));
    for (exchange::session_observer* observer : shard_.observers()) observer->on_connected(*this);
}

}  // namespace bester::clients
