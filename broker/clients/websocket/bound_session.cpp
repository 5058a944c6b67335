#include "clients/websocket/bound_session.hpp"

#include "clients/shard_clients.hpp"
#include "exchange/shard.hpp"
#include "wire/json_text.hpp"

namespace bester::clients {

using exchange::close_reason;
using exchange::counter;
using exchange::frame_verdict;
using wire::client_message;

namespace {

/// Returns the close code for a message that failed.
web::close_code code_for(const wire::status_error& error) noexcept {
    if (error.temporary) return web::close_code::try_again_later;
    const bool is_ours = error.code == "handler_failed" || error.code == "internal_error";
    return is_ours ? web::close_code::internal_error : web::close_code::policy_violation;
}

}  // namespace

bound_session::bound_session(shard_clients& owner, connection_parts& from, const websocket_upgrade& how)
    : client_session{owner, from},
      websocket_side{*this, how},
      form_{how.path->frames == bound_frames::json ? web_form::bound_json : web_form::bound_text} {
    wire::append_quoted(type_token_, path_.type);
    set_framing(make_framing(message_limit(), false));
}

void bound_session::begin(std::string_view received, const websocket_upgrade& how) {
    put_last(how.answer);
    owner_.watch_silence(*this);
    connection::begin(received);
    if (!is_ending()) log_in_with(how);
}

const std::vector<authentication_method>& bound_session::methods() const noexcept {
    return path_.authentication.empty() ? listener_.authentication : path_.authentication;
}

/// Logs in with the credentials of the request, as there is no first message.
void bound_session::log_in_with(const websocket_upgrade& how) {
    client_message message;
    message.type = "dummy";
    message.type_token = "\"dummy\"";
    message.data = "null";
    const std::string authentication = how.credentials.json();
    message.credentials = how.credentials.kind;
    message.token = how.credentials.token;
    message.user = how.credentials.user;
    message.password = how.credentials.password;
    message.authentication = authentication;
    log_in(message);
}

// ---- from the client -------------------------------------------------------------------------

frame_verdict bound_session::on_frame(std::string_view body) {
    note_traffic();
    if (is_ending()) return frame_verdict::closed;
    if (state_ == state::verifying) return frame_verdict::not_yet;
    client_message message;
    message.type = path_.type;
    message.type_token = type_token_;
    if (form_ == web_form::bound_text) {
        std::string& room = owner_.text_room();
        room.clear();
        wire::append_quoted(room, body);
        message.data = room;
    } else {
        const auto reader = shard_.reader();
        if (!reader->start(body) || !reader->value(message.data) || !reader->at_end()) {
            shard_.count(counter::messages_bad);
            failure_ = "bad_message";
            finish(close_reason::bad_input);
            return frame_verdict::closed;
        }
    }
    state_ = state::open;
    return handle(message, false);
}

frame_verdict bound_session::handle(const client_message& message, bool is_first) {
    const frame_verdict verdict = is_first ? frame_verdict::taken : pass_on(message);
    if (verdict != frame_verdict::not_yet) shard_.count(counter::messages);
    return verdict;
}

void bound_session::on_message_refused(const client_message&, const wire::status_error& error) { fail_with(error); }

// ---- to the client ---------------------------------------------------------------------------

bool bound_session::deliver(std::string_view, std::string_view data, std::string_view) {
    return put_text(form_ == web_form::bound_text ? text_of(data, owner_.text_room()) : data);
}

bool bound_session::deliver(const exchange::payload& frame) {
    if (!is_deflated(frame.size())) return put(owner_.web_forms().of(frame, form_));
    const std::string_view data = data_of_delivery(body_of(frame.view()));
    return put_text(form_ == web_form::bound_text ? text_of(data, owner_.text_room()) : data);
}

void bound_session::message_done(const exchange::envelope_view&, const wire::status_error* error) {
    settle_message();
    if (error) fail_with(*error);
    go_on_answered();
}

// ---- the end ---------------------------------------------------------------------------------

/// Not now, since the caller may be iterating over a list that the session would leave.
void bound_session::fail_with(const wire::status_error& error) {
    if (has_ended() || has_overflowed() || !failure_.empty()) return;
    end_later();
    failure_ = error.code;
    failure_code_ = code_for(error);
}

void bound_session::end_now() {
    if (failure_.empty()) return client_session::end_now();
    if (is_ending()) return;
    end_websocket(failure_code_, failure_);
    leave_and_close(close_reason::requested);
}

void bound_session::login_refused(const wire::status_error& error) {
    failure_ = error.code;
    finish(close_reason::authentication);
}

void bound_session::say_goodbye(const wire::status_error& why, web::close_code code) { end_websocket(code, why.code); }

void bound_session::finish(close_reason reason) {
    end_websocket(close_code_for(reason), failure_);
    close_after_flush(reason);
}

void bound_session::detach() {
    owner_.stop_watching(*this);
    client_session::detach();
}

}  // namespace bester::clients
