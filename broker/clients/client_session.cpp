#include "clients/client_session.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <string>

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

namespace {

std::unique_ptr<wire::stream_cipher> make_cipher(const arrival& who) {
    if (!who.tls) return nullptr;
    // Nothing follows the client's last flight (there are no tickets) that its acknowledgement could ride
    // on, and a client that coalesces (RFC 9293, 3.7.4) would wait with its first words for a delayed one.
    return std::make_unique<tls::cipher>(tls::engine::accept(who.tls), [fd = who.fd] {
        const int on = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    });
}

}  // namespace

client_session::client_session(shard_clients& owner, arrival who, const listener_settings& listener,
                               std::uint64_t deadline_ms)
    : framed_stream{owner.shard(), who.fd, std::min(owner.limits().message_size, owner.limits().login_size),
                    make_cipher(who)},
      user_session{owner, listener},
      login_deadline_ms_{deadline_ms} {
    use_account(owner.account());
    if (!who.from.empty()) access().from = std::move(who.from);
    if (listener.kind == transport::websocket) begin_http();
}

client_session::~client_session() = default;

void client_session::begin() { start({}); }

// ---- from the client -------------------------------------------------------------------------

frame_verdict client_session::on_frame(std::string_view body) {
    if (cipher()) warm_up();
    if (web_ && !web_->path) return on_request(body);
    if (state_ == state::verifying) return frame_verdict::not_yet;
    if (state_ == state::leaving) return frame_verdict::closed;
    // Read and dropped, so that the end of a client that does not wait is noticed.
    if (closing_id_) return frame_verdict::taken;
    if (web_ && web_->form == web_form::engine) return on_engine_frame(body);
    if (web_ && web_->is_bound()) return on_bound(body);
    client_message message;
    std::string_view reason;
    const error_code error = wire::decode_client_message(shard_.reader(), body, message, reason);
    if (state_ == state::first) {
        if (error == error_code::none) return log_in(message);
        bad_message(message, reason);
        finish(close_reason::bad_input);
        return frame_verdict::closed;
    }
    if (error != error_code::none) return bad_message(message, reason);
    const bool is_first = state_ == state::accepted;
    state_ = state::open;
    return handle(message, is_first);
}

frame_verdict client_session::handle(const client_message& message, bool is_first) {
    const frame_verdict verdict = dispatch(message, is_first);
    if (verdict != frame_verdict::not_yet) shard_.count(counter::messages);
    return verdict;
}

frame_verdict client_session::dispatch(const client_message& message, bool is_first) {
    if (message.type == "dummy") {
        if (!message.id_token.empty()) send_good(message.id_token, {});
        else if (!is_first) deliver(message.type_token, "null", {});
        return frame_verdict::taken;
    }
    if (message.type == "builtin") return run_builtin(message);
    return pass_on(message);
}

/// A session that is full is read until the first message that it has no room for: what a client sends beside its
/// messages (pings, the end of a WebSocket, `close`, `dummy`) is taken as long as it comes before that.
frame_verdict client_session::pass_on(const client_message& message) {
    if (is_full()) return not_before(on_unanswered);
    route(message);
    return frame_verdict::taken;
}

void client_session::on_message_refused(const client_message& message, const wire::status_error& error) {
    send_bad(message.id_token, error);
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
    if (is_too_large) reason = "the frame is larger than " + std::to_string(message_limit()) + " bytes";
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
    finish(close_reason::requested);
}

/// A client that has finished sending still gets its answers.
void client_session::close_if_finished() {
    if (!input_ended_ || unanswered_ > 0 || state_ == state::verifying || state_ == state::leaving) return;
    leave_exchange();
    finish(close_reason::closed_by_peer);
}

// ---- the end ---------------------------------------------------------------------------------

void client_session::leave_exchange() {
    state_ = state::leaving;
    leave();
    abandon_engine();
}

void client_session::on_closed(close_reason) {
    leave_exchange();
    owner_.closed(*this);
}

}  // namespace bester::clients
