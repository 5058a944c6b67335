#include "clients/session/protocol_session.hpp"

#include <string>

#include "clients/listener/remote_address.hpp"
#include "clients/shard_clients.hpp"
#include "exchange/shard.hpp"
#include "wire/json_text.hpp"

namespace bester::clients {

using exchange::close_reason;
using exchange::counter;
using exchange::frame_verdict;
using wire::client_message;
using wire::error_code;

// ---- from the client -------------------------------------------------------------------------

frame_verdict protocol_session::on_frame(std::string_view body) {
    note_traffic();
    if (is_ending()) return frame_verdict::closed;
    if (state_ == state::verifying) return frame_verdict::not_yet;
    // Input is read and dropped, so that the end of a client that does not wait is noticed.
    if (state_ == state::closing) return frame_verdict::taken;
    client_message message;
    std::string_view reason;
    const error_code error = wire::decode_client_message(shard_.reader(), body, message, reason);
    if (state_ == state::first) {
        if (error == error_code::none) return take_first(message);
        bad_message(message, reason);
        finish(close_reason::bad_input);
        return frame_verdict::closed;
    }
    if (error != error_code::none) return bad_message(message, reason);
    const bool is_first = state_ == state::accepted;
    state_ = state::open;
    return handle(message, is_first);
}

frame_verdict protocol_session::take_first(const client_message& message) {
    if (message.scope == "server" && listener_.accept_servers) return take_from_server(message);
    if (!message.scope.empty() && message.scope != "client") {
        refuse(wire::as_status_error(error_code::authentication_unsupported));
        return frame_verdict::closed;
    }
    return log_in(message);
}

/// Handles a message of an original daemon: it goes to the handler of its type, without a sender. It is not answered,
/// and the connection stays without a session.
frame_verdict protocol_session::take_from_server(const client_message& message) {
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

frame_verdict protocol_session::handle(const client_message& message, bool is_first) {
    const frame_verdict verdict = dispatch(message, is_first);
    if (verdict != frame_verdict::not_yet) shard_.count(counter::messages);
    return verdict;
}

frame_verdict protocol_session::dispatch(const client_message& message, bool is_first) {
    if (message.type == "dummy") {
        if (!message.id_token.empty()) send_good(message.id_token, {});
        else if (!is_first) deliver(message.type_token, "null", {});
        return frame_verdict::taken;
    }
    if (message.type == "builtin") return run_builtin(message);
    return pass_on(message);
}

void protocol_session::on_message_refused(const client_message& message, const wire::status_error& error) {
    send_bad(message.id_token, error);
}

frame_verdict protocol_session::bad_message(const client_message& message, std::string_view reason) {
    shard_.count(counter::messages_bad);
    send_bad(message.id_token.empty() ? wire::error_id : message.id_token,
             wire::as_status_error(error_code::bad_message, reason));
    return frame_verdict::taken;
}

// ---- what the broker itself answers ----------------------------------------------------------

frame_verdict protocol_session::run_builtin(const client_message& message) {
    const std::string_view id_token = message.id_token;
    wire::builtin_command command;
    // The data is in the middle of a frame, whose rest is the padding.
    const error_code error = wire::decode_builtin(shard_.reader(), message.data, command);
    if (error == error_code::none && command.type == "close") {
        closing_id_ = std::make_unique<const std::string>(id_token);
        state_ = state::closing;
        if (unanswered_ == 0) answer_close();
        return is_ending() ? frame_verdict::closed : frame_verdict::taken;
    }
    if (error == error_code::none && command.type == "whoami") {
        deliver("\"builtin\"", describe_self(), id_token);
        if (!id_token.empty()) send_good(id_token, {});
        return frame_verdict::taken;
    }
    if (error == error_code::none && command.type == "password") {
        change_password(id_token, command);
        return frame_verdict::taken;
    }
    if (error == error_code::none && command.type == "token") {
        answer_token(id_token, command.token);
        return frame_verdict::taken;
    }
    send_bad(id_token, wire::as_status_error(error_code::unknown_command));
    return frame_verdict::taken;
}

/// Every message before `close` has got its status.
void protocol_session::answer_close() {
    if (is_ending()) return;
    if (!closing_id_->empty()) send_good(*closing_id_, {});
    detach();
    finish(close_reason::requested);
}

std::string protocol_session::describe_self() const {
    std::string data = R"({"user":")" + user_ + R"(","session":")";
    data.append(id_.text()).append(R"(","server":)");
    wire::append_quoted(data, shard_.settings().server_name);
    data.append(R"(,"roles":)").append(access_ ? access_->roles_text() : "[]");
    if (access_ && access_->valid_until_ms != 0)
        data += R"(,"expires":)" + std::to_string(access_->valid_until_ms / 1'000);
    return data + '}';
}

void protocol_session::answer_token(std::string_view id_token, std::string_view token) {
    if (const auto error = renew_token(token)) return send_bad(id_token, *error);
    if (!id_token.empty()) send_good(id_token, {});
}

void protocol_session::change_password(std::string_view id_token, const wire::builtin_command& command) {
    access::login_throttle& throttle = owner_.door().throttle;
    const auto from = counted_address(address());
    const auto wait = throttle.wait_for(from, user_, shard_.now_ms());
    if (wait.count() > 0) {
        wire::status_error error = wire::as_status_error(error_code::login_throttled);
        error.retry_after_ms = static_cast<std::uint64_t>(wait.count());
        return send_bad(id_token, error);
    }
    // State for the answer, which comes on any thread, perhaps after the session's end.
    struct question {
        access::login_throttle& throttle;
        access::address_key from;
        std::string user;
        std::string id_token;
        exchange::session_id session;
    };
    auto asked = std::make_shared<const question>(question{throttle, from, user_, std::string{id_token}, id_});
    ++unanswered_;
    owner_.logins().change_password(
        user_, command.old_password, command.new_password, from.number(),
        [&clients = owner_, &home = shard_, asked = std::move(asked)](login_result result) {
            home.post_surely([&clients, asked, result](exchange::shard& here) {
                if (result == login_result::rejected) asked->throttle.failed(asked->from, asked->user, here.now_ms());
                else if (result == login_result::accepted && clients.rules().ends_changed)
                    clients.end_sessions_everywhere(asked->user, asked->session);
                exchange::session* const asking = here.sessions().find(asked->session);
                if (!asking) return;
                clients.end_if_fails(*asking, "a change of password", [&] {
                    exchange::envelope_view message;
                    message.id_token = asked->id_token;
                    if (result == login_result::accepted) return asking->message_done(message, nullptr);
                    wire::status_error error = wire::as_status_error(error_code::busy);
                    if (result == login_result::rejected)
                        error = wire::as_status_error(error_code::authentication_failed);
                    if (result == login_result::bad_password)
                        error = wire::as_status_error(error_code::bad_message, "the new password is empty or too long");
                    asking->message_done(message, &error);
                });
            });
        });
}

// ---- to the client ---------------------------------------------------------------------------

void protocol_session::send_bad(std::string_view id_token, const wire::status_error& error,
                                wire::delivered_count delivered) {
    if (id_token.empty()) return;
    shard_.count(counter::statuses_bad);
    send_frame(wire::bad_status_frame(id_token, error, delivered));
}

void protocol_session::logged_in() {
    client_session::logged_in();
    send_frame(wire::authenticated_frame(user_));
}

void protocol_session::login_refused(const wire::status_error& error) {
    send_bad(wire::authentication_id, error);
    finish(close_reason::authentication);
}

void protocol_session::warn_of_expiry(std::uint64_t left_ms) { send_frame(wire::token_notice_frame(left_ms)); }

void protocol_session::notify_reconnect(std::uint64_t after_ms) { send_frame(wire::reconnect_notice_frame(after_ms)); }

}  // namespace bester::clients
