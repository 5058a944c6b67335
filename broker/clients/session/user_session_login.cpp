// user_session: the log-in.
#include <algorithm>
#include <string>
#include <utility>

#include "clients/login/access_rules.hpp"
#include "clients/login/anonymous_name.hpp"
#include "clients/session/user_session.hpp"
#include "clients/shard_clients.hpp"
#include "exchange/shard.hpp"
#include "exchange/undo.hpp"
#include "log/log.hpp"
#include "wire/json_text.hpp"
#include "wire/names.hpp"

namespace bester::clients {

using exchange::counter;
using wire::error_code;

user_session::login_step user_session::log_in(const login_request& request) {
    if (request.kind == wire::credentials_kind::none) return log_in_with_nothing(request);
    for (const authentication_method method : request.methods) {
        if (method == authentication_method::handler) return ask_handler(request);
        if (method == authentication_method::accounts && request.kind == wire::credentials_kind::password)
            return log_in_with_password(request);
        if (method == authentication_method::jwt && request.kind == wire::credentials_kind::token)
            return log_in_with_token(request);
    }
    return refuse(error_code::authentication_unsupported);
}

/// A certificate names the user before any message does.
user_session::login_step user_session::log_in_with_nothing(const login_request& request) {
    const auto takes = [&](authentication_method method) {
        return std::find(request.methods.begin(), request.methods.end(), method) != request.methods.end();
    };
    if (takes(authentication_method::certificate) && !request.certificate.empty()) {
        if (!wire::is_user_name(request.certificate)) return refuse(error_code::authentication_failed);
        // The certificate was valid when the connection began, which may be some time ago.
        if (clients().shard().wall_ms() >= request.certificate_until_ms)
            return refuse(wire::as_status_error(error_code::authentication_failed, "the certificate has expired"));
        return accept(request.certificate);
    }
    if (!takes(authentication_method::anonymous)) return refuse(error_code::authentication_required);
    identified_by_ = identified_by::anonymous;
    return accept(make_anonymous_name());
}

/// Refuses the log-in if too many have failed lately; returns whether it did.
bool user_session::must_wait(const access::address_key& from, std::string_view user) {
    exchange::shard& shard = clients().shard();
    const auto wait = clients().door().throttle.wait_for(from, user, shard.now_ms());
    if (wait.count() == 0) return false;
    shard.count(counter::logins_throttled);
    wire::status_error error = wire::as_status_error(error_code::login_throttled);
    error.retry_after_ms = static_cast<std::uint64_t>(wait.count());
    refuse(error);
    return true;
}

user_session::login_step user_session::log_in_with_password(const login_request& request) {
    if (!wire::is_user_name(request.user)) return refuse(error_code::authentication_failed);
    // Also before the remembered credentials are asked, which would answer guesses as fast as they come.
    const auto from = counted_address(address());
    if (must_wait(from, request.user)) return login_step::refused;
    if (clients().logins().is_remembered(request.user, request.password)) {
        identified_by_ = identified_by::account;
        return accept(request.user);
    }
    standing_ = standing::verifying;
    user_ = request.user;  // the user must be known when the answer comes
    const std::uint64_t ticket = clients().start_verification(*this, from);
    clients().logins().verify(
        request.user, request.password, from.number(),
        [&there = clients(), &home = clients().shard(), ticket](login_result result) {
            home.post_surely([&there, ticket, result](exchange::shard&) {
                const bool is_wrong = result == login_result::rejected || result == login_result::bad_password;
                there.with_login(ticket, is_wrong, [result](user_session& asked) { asked.verified(result); });
            });
        });
    return login_step::waiting;
}

user_session::login_step user_session::log_in_with_token(const login_request& request) {
    exchange::shard& shard = clients().shard();
    const auto from = counted_address(address());
    if (must_wait(from, {})) return login_step::refused;
    auto identity = clients().rules().verify(request.token, shard.wall_ms());
    if (!identity) {
        log::debug("listener {}: a token from {} was refused: {}", listener().name, address(), identity.error().reason);
        // An expired token does not count as a guess.
        if (identity.error().code == error_code::token_invalid)
            clients().door().throttle.failed(from, {}, shard.now_ms());
        return refuse(identity.error().code);
    }
    access().has_token = true;
    const std::string user = identity->user;
    take_identity(std::move(*identity));
    return accept(user);
}

/// A log-in handler gets the credentials unchanged.
user_session::login_step user_session::ask_handler(const login_request& request) {
    if (clients().is_draining()) return put_off(wire::as_status_error(error_code::shutting_down));
    user_ = wire::is_user_name(request.user) ? request.user : std::string_view{};
    const std::string from = address();
    const access::address_key counted = counted_address(from);
    if (must_wait(counted, user_)) return login_step::refused;
    std::string data = R"({"credentials":)";
    data.append(request.authentication).append(R"(,"listener":)");
    wire::append_quoted(data, listener().name);
    data += R"(,"address":)";
    wire::append_quoted(data, from);
    data += '}';
    standing_ = standing::verifying;
    clients().ask_handler(*this, counted, data);
    return login_step::waiting;
}

bool user_session::end_verifying() noexcept {
    if (standing_ != standing::verifying) return false;
    standing_ = standing::outside;
    return true;
}

void user_session::decided(login_call::decision outcome) {
    if (!end_verifying()) return;
    exchange::shard& shard = clients().shard();
    const auto from = counted_address(address());
    if (!outcome) {
        const login_denial& why = outcome.error();
        if (!why.is_verdict) {
            log::warning("listener {}: the log-in handler did not decide: {} ({})", listener().name, why.reason,
                         why.code);
            put_off({why.code, why.reason, why.temporary});
            return;
        }
        refuse(wire::as_status_error(error_code::authentication_failed, why.reason));
        return;
    }
    if (clients().door().throttle.succeeded(from, user_, shard.now_ms()).count() > 0) {
        must_wait(from, user_);
        return;
    }
    const std::string user = outcome->user;
    take_identity(std::move(*outcome));
    if (accept(user) == login_step::accepted) logged_in_late();
}

void user_session::verified(login_result result) {
    if (!end_verifying()) return;
    exchange::shard& shard = clients().shard();
    const auto from = counted_address(address());
    switch (result) {
        case login_result::accepted:
            // Other log-ins may have failed meanwhile.
            if (clients().door().throttle.succeeded(from, user_, shard.now_ms()).count() > 0) {
                must_wait(from, user_);
                return;
            }
            identified_by_ = identified_by::account;
            if (accept(std::string{user_}) == login_step::accepted) logged_in_late();
            return;
        case login_result::rejected:
        case login_result::bad_password: refuse(error_code::authentication_failed); return;
        case login_result::busy:
        case login_result::unavailable: put_off(busy_now()); return;
    }
}

bool user_session::give_up_login() {
    if (!end_verifying()) return false;
    put_off(clients().is_asking_handler(*this) ? wire::as_status_error(error_code::handler_timeout) : busy_now());
    return true;
}

/// Returns the error that says when those who wait already may be done.
wire::status_error user_session::busy_now() const {
    constexpr std::chrono::milliseconds least{1'000};
    wire::status_error error = wire::as_status_error(error_code::busy);
    error.retry_after_ms = static_cast<std::uint64_t>(std::max(least, clients().logins().expected_wait()).count());
    return error;
}

/// Refuses the log-in for a reason of the broker.
user_session::login_step user_session::put_off(const wire::status_error& error) {
    clients().shard().count(counter::logins_put_off);
    login_refused(error);
    return login_step::refused;
}

user_session::login_step user_session::refuse(error_code code) { return refuse(wire::as_status_error(code)); }

user_session::login_step user_session::refuse(const wire::status_error& error) {
    clients().shard().count(counter::authentications_failed);
    login_refused(error);
    return login_step::refused;
}

user_session::login_step user_session::accept(std::string_view user) {
    exchange::shard& shard = clients().shard();
    user_ = user;
    if (has_expired())
        return refuse(wire::as_status_error(error_code::session_expired,
                                            "the log-in was valid only until a time that has passed"));
    if (const error_code why = objection(); why != error_code::none) return refuse(why);
    const std::size_t most = clients().limits().sessions_per_user;
    if (most != 0 && shard.users().count(user_) >= most) return refuse(error_code::too_many_sessions);
    id_ = shard.sessions().add(*this);
    // The session enters completely or not at all, so that no observer hears of the end of a session that it has not
    // heard of.
    exchange::undo stay_outside{[&] {
        standing_ = standing::outside;
        shard.users().remove(user_, id_);
        shard.sessions().remove(id_);
    }};
    shard.users().add(user_, id_);
    standing_ = standing::inside;
    logged_in();
    stay_outside.done();
    shard.count(exchange::counter::sessions_opened);
    if (!is_authenticated()) return login_step::refused;
    shard.observers().tell([this](exchange::session_observer& observer) { observer.on_connected(*this); });
    return login_step::accepted;
}

void user_session::leave() {
    end_verifying();
    if (!is_authenticated()) return;
    exchange::shard& shard = clients().shard();
    // An exception may leave only this call; then leave() is called again.
    shard.groups().leave_all(*this);
    standing_ = standing::outside;
    shard.count(exchange::counter::sessions_closed);
    shard.observers().tell([this](exchange::session_observer& observer) { observer.on_disconnected(*this); });
    shard.users().remove(user_, id_);
    shard.sessions().remove(id_);
}

}  // namespace bester::clients
