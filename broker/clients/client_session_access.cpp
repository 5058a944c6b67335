// client_session: what it may do, as whom, and until when.
#include <string>

#include "clients/access_rules.hpp"
#include "clients/client_session.hpp"
#include "clients/remote_address.hpp"
#include "clients/shard_clients.hpp"
#include "exchange/shard.hpp"
#include "wire/json_text.hpp"

namespace bester::clients {

using exchange::close_reason;
using exchange::counter;
using wire::client_message;
using wire::error_code;

session_access& client_session::access() {
    if (!access_) access_ = std::make_unique<session_access>();
    return *access_;
}

std::string client_session::address() const {
    return access_ && !access_->from.empty() ? access_->from : remote_address(fd());
}

/// Asked before any handler sees the message. Refused, it is counted, and its sender told.
bool client_session::may_send(const client_message& message) {
    const access_rules& rules = owner_.rules();
    // Whoever may ask the log-in handler himself may guess as often as he likes.
    const bool is_login = !rules.login_type.empty() && message.type == rules.login_type;
    if (!rules.permissions && !is_login) return true;
    access::permission_verdict verdict{access::permission::forbidden};
    if (!is_login) {
        session_access& mine = access();
        const access::sender who{user_, mine.roles, is_anonymous_};
        verdict = mine.permissions.check(rules.permissions, who, message.type, shard_.now_ms());
    }
    switch (verdict.what) {
        case access::permission::allowed: return true;
        case access::permission::forbidden:
            shard_.count(counter::messages_forbidden);
            send_bad(message.id_token, wire::as_status_error(error_code::forbidden));
            break;
        case access::permission::rate_limited: {
            shard_.count(counter::messages_limited);
            wire::status_error error = wire::as_status_error(error_code::rate_limited);
            error.retry_after_ms = static_cast<std::uint64_t>(verdict.wait.count());
            send_bad(message.id_token, error);
            break;
        }
    }
    return false;
}

std::string client_session::describe_self() const {
    std::string data = R"({"user":")" + user_ + R"(","session":")";
    data.append(id_.text()).append(R"(","server":)");
    wire::append_quoted(data, shard_.settings().server_name);
    data.append(R"(,"roles":)").append(access_ ? access_->roles_text() : "[]");
    if (access_ && access_->valid_until_ms != 0) data += R"(,"expires":)" + std::to_string(access_->valid_until_ms / 1'000);
    return data + '}';
}

void client_session::take_identity(access::token_identity identity) {
    const bool is_plain = identity.roles.empty() && identity.claims.empty() && !identity.valid_until;
    if (is_plain && !access_) return;
    access().take(std::move(identity));
    if (access_->valid_until_ms != 0) owner_.watch_expiry(*this);
}

void client_session::check_expiry(std::uint64_t wall_ms, std::uint64_t notice_ms) {
    if (!access_ || access_->valid_until_ms == 0 || !is_authenticated()) return;
    if (wall_ms >= access_->valid_until_ms) {
        shard_.count(counter::sessions_expired);
        end(error_code::session_expired, close_reason::authentication);
        return;
    }
    const std::uint64_t left = access_->valid_until_ms - wall_ms;
    if (access_->was_warned || left > notice_ms) return;
    access_->was_warned = true;
    send_frame(wire::token_notice_frame(left));
}

/// A fresh token of the same user takes the place of the one that the session began with.
void client_session::renew_token(std::string_view id_token, std::string_view token) {
    const auto refuse = [&](error_code code, std::string_view reason) {
        send_bad(id_token, wire::as_status_error(code, reason));
    };
    if (!access_ || !access_->has_token)
        return refuse(error_code::authentication_unsupported, "this session did not begin with a token");
    auto identity = owner_.rules().verify(token, shard_.wall_ms());
    if (!identity) return refuse(identity.error().code, wire::describe(identity.error().code).meaning);
    if (identity->user != user_) return refuse(error_code::token_invalid, "the token is of another user than this session");
    take_identity(std::move(*identity));
    if (!id_token.empty()) send_good(id_token, {});
}

void client_session::change_password(std::string_view id_token, const wire::builtin_command& command) {
    const auto wait = owner_.door().throttle.wait_for(counted_address(address()), user_, shard_.now_ms());
    if (wait.count() > 0) {
        wire::status_error error = wire::as_status_error(error_code::login_throttled);
        error.retry_after_ms = static_cast<std::uint64_t>(wait.count());
        return send_bad(id_token, error);
    }
    ++unanswered_;
    owner_.logins().change_password(
        user_, command.old_password, command.new_password,
        [&home = shard_, id = id_, token = std::string{id_token}](login_result result) {
            home.post([id, copy = token, result](exchange::shard& here) {
                // Hidden sessions ask no such thing; all others are client_sessions.
                if (auto* who = static_cast<client_session*>(here.sessions().find(id))) who->password_changed(copy, result);
            });
        });
}

void client_session::password_changed(std::string_view id_token, login_result result) {
    if (result == login_result::rejected) owner_.door().throttle.failed(counted_address(address()), user_, shard_.now_ms());
    exchange::envelope_view message;
    message.id_token = id_token;
    if (result == login_result::accepted) return message_done(message, nullptr);
    wire::status_error error = wire::as_status_error(error_code::busy);
    if (result == login_result::rejected) error = wire::as_status_error(error_code::authentication_failed);
    if (result == login_result::bad_password)
        error = wire::as_status_error(error_code::bad_message, "the new password is empty or too long");
    message_done(message, &error);
}

}  // namespace bester::clients
