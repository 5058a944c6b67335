#include "clients/client_session.hpp"

#include <algorithm>
#include <string>

#include "clients/anonymous_name.hpp"
#include "clients/remote_address.hpp"
#include "clients/shard_clients.hpp"
#include "exchange/shard.hpp"
#include "wire/json_text.hpp"
#include "wire/names.hpp"

namespace bester::clients {

using exchange::close_reason;
using exchange::counter;
using exchange::frame_verdict;
using wire::client_message;
using wire::error_code;

client_session::client_session(shard_clients& owner, int fd, const listener_settings& listener,
                               std::uint64_t deadline_ms)
    : framed_stream{owner.shard(), fd, owner.limits().message_size},
      owner_{owner},
      listener_{listener},
      login_deadline_ms_{deadline_ms} {}

void client_session::begin() { start({}); }

// ---- from the client -------------------------------------------------------------------------

frame_verdict client_session::on_frame(std::string_view body) {
    if (state_ == state::verifying) return frame_verdict::not_yet;
    if (state_ == state::leaving) return frame_verdict::closed;
    // Read and dropped, so that the end of a client that does not wait is noticed.
    if (closing_id_) return frame_verdict::taken;
    if (owner_.is_over_memory_mark()) {
        shard_.count(counter::memory_pauses);
        owner_.await_memory(*this);
        held(on_memory);
        return frame_verdict::not_yet;
    }
    client_message message;
    std::string_view reason;
    const error_code error = wire::decode_client_message(shard_.reader(), body, message, reason);
    if (state_ == state::first) {
        if (error == error_code::none) return log_in(message);
        bad_message(message, reason);
        close_after_flush(close_reason::bad_input);
        return frame_verdict::closed;
    }
    if (error != error_code::none) return bad_message(message, reason);
    const bool is_first = state_ == state::accepted;
    state_ = state::open;
    return handle(message, is_first);
}

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

frame_verdict client_session::handle(const client_message& message, bool is_first) {
    shard_.count(counter::messages);
    const frame_verdict verdict = dispatch(message, is_first);
    return verdict == frame_verdict::taken && must_read_first() ? held(on_output) : verdict;
}

frame_verdict client_session::dispatch(const client_message& message, bool is_first) {
    if (message.type == "dummy") {
        if (!message.id_token.empty()) send_good(message.id_token, {});
        else if (!is_first) deliver(message.type_token, "null", {});
        return frame_verdict::taken;
    }
    if (message.type == "builtin") return run_builtin(message);
    return route(message);
}

frame_verdict client_session::route(const client_message& message) {
    using outcome = exchange::submit_result::outcome;
    if (owner_.is_draining()) {
        send_bad(message.id_token, wire::as_status_error(error_code::shutting_down));
        return frame_verdict::taken;
    }
    exchange::handler_port* const port = shard_.routes().serving(message.type);
    if (!port) {
        if (!message.id_token.empty()) {
            std::string reason = "no handler serves type ";
            wire::append_quoted(reason, message.type);
            send_bad(message.id_token, wire::as_status_error(error_code::no_handler, reason));
        }
        return frame_verdict::taken;
    }
    exchange::envelope_view envelope;
    envelope.origin = id_;
    envelope.user = user_;
    envelope.type_token = message.type_token;
    envelope.id_token = message.id_token;
    ++unanswered_;  // before the call, in which it may be answered already
    const exchange::submit_result result = port->submit(envelope, message.type, message.data);
    switch (result.what) {
        case outcome::refused:
            --unanswered_;
            send_bad(message.id_token, wire::as_status_error(result.error));
            break;
        case outcome::waiting: return held(on_queue);
        case outcome::handed_over: break;
    }
    return unanswered_ >= owner_.limits().unanswered ? held(on_unanswered) : frame_verdict::taken;
}

frame_verdict client_session::run_builtin(const client_message& message) {
    const std::string_view id_token = message.id_token;
    wire::builtin_command command;
    // The data lies in the middle of a frame: what follows is its padding.
    const error_code error = wire::decode_builtin(shard_.reader(), message.data, command);
    if (error == error_code::none && command.type == "close") {
        closing_id_ = std::make_unique<const std::string>(id_token);
        if (unanswered_ == 0) answer_close();
        return state_ == state::leaving ? frame_verdict::closed : frame_verdict::taken;
    }
    if (error == error_code::none && command.type == "whoami") {
        std::string data = R"({"user":")" + user_ + R"(","session":")";
        data.append(id_.text()).append(R"(","server":")").append(shard_.settings().server_name);
        data += R"(","roles":[]})";
        deliver("\"builtin\"", data, id_token);
        if (!id_token.empty()) send_good(id_token, {});
        return frame_verdict::taken;
    }
    if (error == error_code::none && command.type == "password") {
        ++unanswered_;
        owner_.logins().change_password(
            user_, command.old_password, command.new_password,
            [&home = shard_, id = id_, token = std::string{id_token}](login_result result) {
                home.post([id, copy = token, result](exchange::shard& here) {
                    // Only client_sessions are ever entered into a shard's table.
                    if (auto* who = static_cast<client_session*>(here.sessions().find(id)))
                        who->password_changed(copy, result);
                });
            });
        return frame_verdict::taken;
    }
    send_bad(id_token, wire::as_status_error(error_code::unknown_command));
    return frame_verdict::taken;
}

void client_session::password_changed(std::string_view id_token, login_result result) {
    exchange::envelope_view message;
    message.id_token = id_token;
    if (result == login_result::accepted) return message_done(message, nullptr);
    wire::status_error error = wire::as_status_error(error_code::busy);
    if (result == login_result::rejected) error = wire::as_status_error(error_code::authentication_failed);
    if (result == login_result::bad_password)
        error = wire::as_status_error(error_code::bad_message, "the new password is empty or too long");
    message_done(message, &error);
}

frame_verdict client_session::bad_message(const client_message& message, std::string_view reason) {
    shard_.count(counter::messages_bad);
    send_bad(message.id_token.empty() ? wire::error_id : message.id_token,
             wire::as_status_error(error_code::bad_message, reason));
    return frame_verdict::taken;
}

void client_session::on_bad_frame(bool is_too_large) {
    shard_.count(counter::messages_bad);
    if (state_ == state::leaving || closing_id_) return;
    const error_code code = is_too_large ? error_code::too_large : error_code::bad_frame;
    std::string reason{wire::describe(code).meaning};
    if (is_too_large) reason = "the frame is larger than " + std::to_string(owner_.limits().message_size) + " bytes";
    send_bad(wire::error_id, wire::as_status_error(code, reason));
    leave_exchange();
    close_after_flush(close_reason::bad_input);
}

void client_session::on_end_of_input() {
    input_ended_ = true;
    close_if_finished();
}

/// Every message before `close` has got its status.
void client_session::answer_close() {
    if (state_ == state::leaving) return;
    if (!closing_id_->empty()) send_good(*closing_id_, {});
    leave_exchange();
    close_after_flush(close_reason::requested);
}

/// A client that has finished sending still gets its answers.
void client_session::close_if_finished() {
    if (!input_ended_ || unanswered_ > 0 || state_ == state::verifying || state_ == state::leaving) return;
    leave_exchange();
    close_after_flush(close_reason::closed_by_peer);
}

// ---- to the client ---------------------------------------------------------------------------

bool client_session::make_room(std::size_t size) {
    const client_limits& limits = owner_.limits();
    const auto fits = [&] {
        return queued_bytes() == 0 ||
               (queued_bytes() + size <= limits.queue_bytes && queued_frames() < limits.queue_messages);
    };
    if (has_overflowed_ || !is_open() || state_ == state::leaving) return false;
    if (fits()) return true;
    flush_early();
    if (fits()) return true;
    overflow();
    return false;
}

void client_session::overflow() {
    has_overflowed_ = true;
    shard_.count(counter::slow_consumers);
    // Not now: whoever delivers may be going through the group that the session would leave.
    shard_.at_turn_end([&home = shard_, id = id_] {
        if (auto* who = static_cast<client_session*>(home.sessions().find(id)))
            who->end(error_code::slow_consumer, close_reason::slow_consumer);
    });
}

bool client_session::deliver(std::string_view type_token, std::string_view data, std::string_view id_token) {
    const std::size_t size = wire::delivery_size(type_token, data, id_token);
    if (!make_room(size)) return false;
    wire::write_delivery(output().reserve(size), type_token, data, id_token);
    output().commit(size);
    queued();
    return true;
}

bool client_session::deliver(const exchange::payload& frame) {
    if (!make_room(frame.size())) return false;
    output().append(frame);
    queued();
    return true;
}

void client_session::message_done(const exchange::envelope_view& message, const wire::status_error* error) {
    --unanswered_;
    const wire::delivered_count delivered =
        message.addressed ? wire::delivered_count{message.delivered} : wire::delivered_count{};
    if (!message.id_token.empty()) {
        if (error) send_bad(message.id_token, *error, delivered);
        else send_good(message.id_token, delivered);
    }
    if ((held_ & on_unanswered) != 0 && unanswered_ <= owner_.limits().unanswered / 2) release(on_unanswered);
    if (closing_id_ && unanswered_ == 0) return answer_close();
    if (input_ended_) close_if_finished();
}

void client_session::send_good(std::string_view id_token, wire::delivered_count delivered) {
    const std::size_t size = wire::good_status_size(id_token);
    shard_.count(counter::statuses_good);
    if (!make_room(size)) return;
    char* const begin = output().reserve(size);
    output().commit(static_cast<std::size_t>(wire::write_good_status(begin, id_token, delivered) - begin));
    queued();
}

void client_session::send_bad(std::string_view id_token, const wire::status_error& error,
                              wire::delivered_count delivered) {
    if (id_token.empty()) return;
    shard_.count(counter::statuses_bad);
    send_frame(wire::bad_status_frame(id_token, error, delivered));
}

void client_session::send_frame(std::string_view frame) {
    if (!make_room(frame.size())) return;
    output().append(frame);
    queued();
}

void client_session::disconnect(const wire::status_error& why) {
    if (state_ == state::leaving) return;
    // Past the limit if need be: it is the last frame, and the one that explains.
    output().append(wire::bad_status_frame(wire::close_id, why));
    queued();
    leave_exchange();
    close_after_flush(close_reason::requested);
}

void client_session::end(error_code code, close_reason reason) {
    if (state_ == state::leaving) return;
    output().append(wire::bad_status_frame(wire::close_id, wire::as_status_error(code)));
    queued();
    leave_exchange();
    close_after_flush(reason);
}

void client_session::notify_reconnect(std::uint64_t after_ms) { send_frame(wire::reconnect_notice_frame(after_ms)); }

// ---- flow control and end --------------------------------------------------------------------

frame_verdict client_session::held(hold why) {
    held_ |= why;
    return frame_verdict::taken_then_pause;
}

void client_session::release(hold why) {
    held_ &= static_cast<std::uint8_t>(~why);
    if (held_ == 0) resume();
}

void client_session::message_left_queue() { release(on_queue); }

void client_session::memory_is_free() { release(on_memory); }

void client_session::apply_limits() { set_frame_limit(owner_.limits().message_size); }

/// A client that does not read its answers is not read either.
void client_session::on_blocked() {
    owner_.watch_blocked(*this);
    if (state_ == state::leaving || !is_behind()) return;
    held_ |= on_output;
    pause();
}

/// Is so much waiting for the client that it is not read before it has taken some?
bool client_session::must_read_first() {
    if (is_blocked()) return is_behind();
    if (!is_half_full()) return false;
    flush_early();
    return is_half_full();
}

bool client_session::is_half_full() const noexcept {
    const client_limits& limits = owner_.limits();
    return queued_bytes() > limits.queue_bytes / 2 || queued_frames() > limits.queue_messages / 2;
}

/// Its queue is half full, or would be with a reply and a status for each message it has sent: not
/// reading it holds those back. What others send it may still be too much for it.
bool client_session::is_behind() const noexcept {
    return is_half_full() || queued_frames() + 2 * std::size_t{unanswered_} > owner_.limits().queue_messages / 2;
}

void client_session::on_drained() {
    if ((held_ & on_output) != 0) release(on_output);
}

void client_session::leave_exchange() {
    const bool was_in = is_authenticated();
    state_ = state::leaving;
    if (!was_in) return;
    for (exchange::session_observer* observer : shard_.observers()) observer->on_disconnected(*this);
    shard_.groups().leave_all(*this);
    shard_.users().remove(user_, id_);
    shard_.sessions().remove(id_);
}

void client_session::on_closed(close_reason) {
    leave_exchange();
    owner_.closed(*this);
}

}  // namespace bester::clients
