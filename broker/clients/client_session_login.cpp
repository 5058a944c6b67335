// client_session: who is it?
#include <algorithm>
#include <string>

#include <spdlog/spdlog.h>

#include "clients/access_rules.hpp"
#include "clients/anonymous_name.hpp"
#include "clients/client_session.hpp"
#include "clients/remote_address.hpp"
#include "clients/shard_clients.hpp"
#include "exchange/shard.hpp"
#include "tls/cipher.hpp"
#include "wire/json_text.hpp"
#include "wire/names.hpp"

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

bool client_session::takes(authentication_method method) const noexcept {
    return std::find(methods().begin(), methods().end(), method) != methods().end();
}

/// The first method of the listener's list that takes such credentials decides.
frame_verdict client_session::log_in(const client_message& message) {
    if (message.scope == "server" && listener_.accept_servers) return take_from_server(message);
    if (!message.scope.empty() && message.scope != "client") return refuse_login(error_code::authentication_unsupported);
    if (message.credentials == wire::credentials_kind::none) return log_in_with_nothing(message);
    for (const authentication_method method : methods()) {
        if (method == authentication_method::handler) return ask_handler(message);
        if (method == authentication_method::accounts && message.credentials == wire::credentials_kind::password)
            return log_in_with_password(message);
        if (method == authentication_method::jwt && message.credentials == wire::credentials_kind::token)
            return log_in_with_token(message);
    }
    return refuse_login(error_code::authentication_unsupported);
}

/// A certificate says who it is before the first message does.
frame_verdict client_session::log_in_with_nothing(const client_message& message) {
    if (takes(authentication_method::certificate) && cipher()) {
        // Ciphers of clients are made by this class alone.
        const auto certificate = static_cast<const tls::cipher*>(cipher())->connection().peer_certificate();
        if (certificate) {
            if (!wire::is_user_name(certificate->subject)) return refuse_login(error_code::authentication_failed);
            accept(certificate->subject);
            state_ = state::open;
            return handle(message, true);
        }
    }
    if (!takes(authentication_method::anonymous)) return refuse_login(error_code::authentication_required);
    is_anonymous_ = true;
    accept(make_anonymous_name());
    state_ = state::open;
    return handle(message, true);
}

/// Did too many fail lately? Then the client has been told, and is being closed.
bool client_session::must_wait(const access::address_key& from, std::string_view user) {
    const auto wait = owner_.door().throttle.wait_for(from, user, shard_.now_ms());
    if (wait.count() == 0) return false;
    shard_.count(counter::logins_throttled);
    wire::status_error error = wire::as_status_error(error_code::login_throttled);
    error.retry_after_ms = static_cast<std::uint64_t>(wait.count());
    refuse_login(error);
    return true;
}

frame_verdict client_session::log_in_with_password(const client_message& message) {
    if (!wire::is_user_name(message.user)) return refuse_login(error_code::authentication_failed);
    // Before memory is asked, too: it would answer guesses as fast as they come.
    if (must_wait(counted_address(address()), message.user)) return frame_verdict::closed;
    if (owner_.logins().is_remembered(message.user, message.password)) {
        has_account_ = true;
        accept(message.user);
        state_ = state::open;
        return handle(message, true);
    }
    state_ = state::verifying;
    // Kept apart, as the name must be known when the answer comes; the frame is read again then.
    user_ = message.user;
    const std::uint64_t ticket = owner_.start_verification(*this);
    owner_.logins().verify(message.user, message.password, [&clients = owner_, &home = shard_, ticket](login_result result) {
        home.post([&clients, ticket, result](exchange::shard&) {
            if (client_session* who = clients.take_ticket(ticket)) who->verified(result);
        });
    });
    held_ |= on_login;
    return frame_verdict::not_yet;
}

frame_verdict client_session::log_in_with_token(const client_message& message) {
    const auto from = counted_address(address());
    if (must_wait(from, {})) return frame_verdict::closed;
    auto identity = owner_.rules().verify(message.token, shard_.wall_ms());
    if (!identity) {
        spdlog::debug("listener {}: a token from {} was refused: {}", listener_.name, address(), identity.error().reason);
        // An old token is no guess.
        if (identity.error().code == error_code::token_invalid) owner_.door().throttle.failed(from, {}, shard_.now_ms());
        return refuse_login(identity.error().code);
    }
    access().has_token = true;
    const std::string user = identity->user;
    take_identity(std::move(*identity));
    accept(user);
    state_ = state::open;
    return handle(message, true);
}

/// A handler decides: it gets the credentials as they stood.
frame_verdict client_session::ask_handler(const client_message& message) {
    if (owner_.is_draining()) return refuse_login(error_code::shutting_down);
    user_ = wire::is_user_name(message.user) ? message.user : std::string_view{};
    const std::string from = address();
    if (must_wait(counted_address(from), user_)) return frame_verdict::closed;
    std::string data = R"({"credentials":)";
    data.append(message.authentication).append(R"(,"listener":)");
    wire::append_quoted(data, listener_.name);
    data += R"(,"address":)";
    wire::append_quoted(data, from);
    data += '}';
    state_ = state::verifying;
    held_ |= on_login;
    owner_.ask_handler(*this, data);
    return frame_verdict::not_yet;
}

void client_session::decided(login_call::decision outcome) {
    if (state_ != state::verifying) return;
    const auto from = counted_address(address());
    if (!outcome) {
        const login_denial& why = outcome.error();
        if (!why.is_verdict) {
            spdlog::warn("listener {}: the log-in handler did not decide: {} ({})", listener_.name, why.reason, why.code);
            refuse_login({why.code, why.reason, why.temporary});
            return;
        }
        owner_.door().throttle.failed(from, user_, shard_.now_ms());
        refuse_login(wire::as_status_error(error_code::authentication_failed, why.reason));
        return;
    }
    if (const auto wait = owner_.door().throttle.succeeded(from, user_, shard_.now_ms()); wait.count() > 0) {
        must_wait(from, user_);
        return;
    }
    const std::string user = outcome->user;
    take_identity(std::move(*outcome));
    accept(user);
    release(on_login);
}

/// A message that another server's original daemon hands over: for the handler of its type, from nobody
/// in particular. Nothing is answered, and the connection stays as it was: without a session.
frame_verdict client_session::take_from_server(const client_message& message) {
    shard_.count(counter::messages);
    if (message.type == "dummy" || message.type == "builtin") return frame_verdict::taken;
    const access_rules& rules = owner_.rules();
    const bool is_allowed = !rules.permissions || rules.permissions->find({{}, {}, true}, message.type) != access::type_permissions::no_rule;
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

frame_verdict client_session::refuse_login(error_code code) { return refuse_login(wire::as_status_error(code)); }

frame_verdict client_session::refuse_login(const wire::status_error& error) {
    shard_.count(counter::authentications_failed);
    send_bad(wire::authentication_id, error);
    finish(close_reason::authentication);
    return frame_verdict::closed;
}

void client_session::verified(login_result result) {
    if (state_ != state::verifying) return;
    const auto from = counted_address(address());
    switch (result) {
        case login_result::accepted:
            // Others that were tried at the same time may have failed meanwhile.
            if (owner_.door().throttle.succeeded(from, user_, shard_.now_ms()).count() > 0) {
                must_wait(from, user_);
                return;
            }
            has_account_ = true;
            accept(std::string{user_});
            release(on_login);
            return;
        case login_result::rejected:
        case login_result::bad_password:
            owner_.door().throttle.failed(from, user_, shard_.now_ms());
            refuse_login(error_code::authentication_failed);
            return;
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
