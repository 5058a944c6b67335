#include "clients/session/user_session.hpp"

#include "clients/login/access_rules.hpp"
#include "clients/shard_clients.hpp"
#include "exchange/shard.hpp"
#include "wire/json_text.hpp"

namespace bester::clients {

using exchange::close_reason;
using exchange::counter;
using wire::client_message;
using wire::error_code;

session_access& user_session::access() {
    if (!access_) access_ = std::make_unique<session_access>();
    return *access_;
}

/// Checks the permissions before any handler sees the message, and counts refusals.
std::optional<wire::status_error> user_session::forbids(const client_message& message) {
    exchange::shard& shard = clients().shard();
    const access_rules& rules = clients().rules();
    // A client that could send to the log-in handler itself could guess without limit.
    const bool is_login = !rules.login_type.empty() && message.type == rules.login_type;
    if (!rules.permissions && !is_login) return std::nullopt;
    access::permission_verdict verdict{access::permission::forbidden};
    if (!is_login) {
        session_access& mine = access();
        const access::sender who{user_, mine.roles, identified_by_ == identified_by::anonymous};
        verdict = mine.permissions.check(rules.permissions, who, message.type, shard.now_ms());
    }
    if (verdict.what == access::permission::allowed) return std::nullopt;
    if (verdict.what == access::permission::forbidden) {
        shard.count(counter::messages_forbidden);
        return wire::as_status_error(error_code::forbidden);
    }
    shard.count(counter::messages_limited);
    wire::status_error error = wire::as_status_error(error_code::rate_limited);
    error.retry_after_ms = static_cast<std::uint64_t>(verdict.wait.count());
    return error;
}

bool user_session::may_ever_send(std::string_view type) {
    const access_rules& rules = clients().rules();
    if (!rules.login_type.empty() && type == rules.login_type) return false;
    if (!rules.permissions) return true;
    return rules.permissions->find({user_, access().roles, identified_by_ == identified_by::anonymous}, type) !=
           access::type_permissions::no_rule;
}

bool user_session::is_full() const noexcept { return unanswered_ >= clients().limits().unanswered; }

void user_session::route(const client_message& message) {
    const auto refused = [&](const wire::status_error& why) { on_message_refused(message, why); };
    shard_clients& owner = clients();
    if (owner.is_draining()) return refused(wire::as_status_error(error_code::shutting_down));
    if (has_expired()) return refused(wire::as_status_error(error_code::session_expired));
    if (const auto forbidden = forbids(message)) return refused(*forbidden);
    exchange::handler_port* const port = owner.shard().routes().serving(message.type);
    if (!port) {
        std::string reason = "no handler serves type ";
        wire::append_quoted(reason, message.type);
        return refused(wire::as_status_error(error_code::no_handler, reason));
    }
    exchange::envelope_view envelope;
    envelope.origin = id_;
    envelope.user = user_;
    if (access_) envelope.about = access_->about;
    envelope.type_token = message.type_token;
    envelope.id_token = message.id_token;
    envelope.key_token = message.key_token;
    envelope.key_hash = message.key_hash;
    ++unanswered_;  // before the call, in which the message may be answered already
    const exchange::submit_result result = port->submit(envelope, message.type, message.data);
    if (result.what != exchange::submit_result::outcome::refused) return;
    --unanswered_;
    refused(wire::as_status_error(result.error));
}

void user_session::take_identity(access::token_identity identity) {
    const bool is_plain = identity.roles.empty() && identity.claims.empty() && !identity.valid_until;
    if (is_plain && !access_) return;
    access().take(std::move(identity));
    if (access_->valid_until_ms != 0) clients().watch_expiry(*this);
}

bool user_session::has_expired() const noexcept { return access_ && access_->has_expired(clients().shard().wall_ms()); }

void user_session::check_expiry(std::uint64_t wall_ms, std::uint64_t notice_ms) {
    if (!access_ || access_->valid_until_ms == 0 || !is_authenticated()) return;
    if (access_->has_expired(wall_ms)) {
        clients().shard().count(counter::sessions_expired);
        end(error_code::session_expired, close_reason::authentication);
        return;
    }
    const std::uint64_t left = access_->valid_until_ms - wall_ms;
    if (access_->was_warned || left > notice_ms) return;
    access_->was_warned = true;
    warn_of_expiry(left);
}

std::optional<wire::status_error> user_session::renew_token(std::string_view token) {
    if (!access_ || !access_->has_token)
        return wire::as_status_error(error_code::authentication_unsupported, "this session did not begin with a token");
    auto identity = clients().rules().verify(token, clients().shard().wall_ms());
    if (!identity) return wire::as_status_error(identity.error().code, wire::describe(identity.error().code).meaning);
    if (identity->user != user_)
        return wire::as_status_error(error_code::token_invalid, "the token is of another user than this session");
    take_identity(std::move(*identity));
    return std::nullopt;
}

}  // namespace bester::clients
