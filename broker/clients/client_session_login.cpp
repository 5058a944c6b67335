// client_session: how it logs in.
#include <algorithm>
#include <string>

#include "clients/access_rules.hpp"
#include "clients/client_session.hpp"
#include "clients/remote_address.hpp"
#include "clients/shard_clients.hpp"
#include "exchange/shard.hpp"
#include "tls/cipher.hpp"

namespace bester::clients {

using exchange::close_reason;
using exchange::counter;
using exchange::frame_verdict;
using wire::client_message;
using wire::error_code;

/// Those of the path, if it has its own.
const std::vector<authentication_method>& client_session::methods() const noexcept {
    const bool has_own = web_ && web_->path && !web_->path->authentication.empty();
    return has_own ? web_->path->authentication : listener_.authentication;
}

client_session::shown_certificate client_session::certificate(const std::vector<authentication_method>& methods) const {
    const bool is_asked =
        std::find(methods.begin(), methods.end(), authentication_method::certificate) != methods.end();
    if (!is_asked || !cipher()) return {};
    // Ciphers of clients are made by this class alone.
    const auto shown = static_cast<const tls::cipher*>(cipher())->connection().peer_certificate();
    if (!shown) return {};
    const std::chrono::milliseconds until{shown->not_after.time_since_epoch()};
    return {shown->subject, static_cast<std::uint64_t>(std::max<std::int64_t>(until.count(), 0))};
}

frame_verdict client_session::log_in(const client_message& message) {
    if (message.scope == "server" && listener_.accept_servers) return take_from_server(message);
    if (!message.scope.empty() && message.scope != "client") {
        refuse(wire::as_status_error(error_code::authentication_unsupported));
        return frame_verdict::closed;
    }
    login_request request{.methods = methods()};
    request.kind = message.credentials;
    request.user = message.user;
    request.password = message.password;
    request.token = message.token;
    request.authentication = message.authentication;
    const shown_certificate shown =
        message.credentials == wire::credentials_kind::none ? certificate(methods()) : shown_certificate{};
    request.certificate = shown.name;
    request.certificate_until_ms = shown.until_ms;
    switch (log_in(request)) {
        case login_step::refused: return frame_verdict::closed;
        case login_step::waiting:
            // The frame is read again when it is known who sent it.
            state_ = state::verifying;
            hold(on_login);
            return frame_verdict::not_yet;
        case login_step::accepted: break;
    }
    state_ = state::open;
    return handle(message, true);
}

void client_session::logged_in() {
    state_ = state::accepted;
    owner_.authenticated(*this);
    apply_limits();
    send_frame(wire::authenticated_frame(user_));
}

void client_session::logged_in_late() { release(on_login); }

void client_session::login_refused(const wire::status_error& error) {
    send_bad(wire::authentication_id, error);
    finish(close_reason::authentication);
}

/// A message that another server's original daemon hands over: for the handler of its type, from nobody
/// in particular. Nothing is answered, and the connection stays as it was: without a session.
frame_verdict client_session::take_from_server(const client_message& message) {
    shard_.count(counter::messages);
    if (message.type == "dummy" || message.type == "builtin") return frame_verdict::taken;
    const access_rules& rules = owner_.rules();
    const bool is_allowed = !rules.permissions ||
                            rules.permissions->find({{}, {}, true}, message.type) != access::type_permissions::no_rule;
    if (!is_allowed || message.type == rules.login_type) {
        shard_.count(counter::messages_forbidden);
        return frame_verdict::taken;
    }
    exchange::handler_port* const port = shard_.routes().serving(message.type);
    if (!port || owner_.is_draining()) return frame_verdict::taken;
    const std::string from = exchange::remote_origin{remote_address(fd()), {}, 0}.pack();
    exchange::envelope_view envelope;
    envelope.remote = from;
    envelope.type_token = message.type_token;
    port->submit(envelope, message.type, message.data);
    return frame_verdict::taken;
}

}  // namespace bester::clients
