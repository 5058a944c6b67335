#include "clients/session/client_session.hpp"

#include "clients/shard_clients.hpp"
#include "exchange/shard.hpp"

namespace bester::clients {

using exchange::close_reason;
using exchange::frame_verdict;
using wire::client_message;

client_session::client_session(shard_clients& owner, connection_parts& from) : connection{owner, from} {}

std::string client_session::describe() const {
    return "session " + std::string{std::string_view{id_.text()}} + " of " + (user_.empty() ? "nobody yet" : user_);
}

frame_verdict client_session::log_in(const client_message& message) {
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
            // The frame is read again when the user is known.
            state_ = state::verifying;
            return not_before(on_login);
        case login_step::accepted: break;
    }
    state_ = state::open;
    return handle(message, true);
}

void client_session::logged_in() {
    state_ = state::accepted;
    owner_.authenticated(*this);
    apply_limits();
}

/// A session that is full is read until the first message that it has no room for: what a client sends beside its
/// messages (pings, the end of a WebSocket, `close`, `dummy`) is taken as long as it comes before that.
frame_verdict client_session::pass_on(const client_message& message) {
    if (is_full()) return not_before(on_unanswered);
    route(message);
    return frame_verdict::taken;
}

void client_session::go_on_answered() {
    if (is_held(on_unanswered) && unanswered_ <= owner_.limits().unanswered / 2) release(on_unanswered);
    if (has_input_ended()) on_end_of_input();
}

bool client_session::takes_from_servers() {
    if (is_half_full() && !is_blocked()) flush_early();
    return !is_half_full();
}

/// Counts a reply and a status for each unanswered message.
std::size_t client_session::awaited_frames() const noexcept { return 2 * std::size_t{unanswered_}; }

/// A client that has finished sending still gets its answers.
void client_session::on_end_of_input() {
    if (unanswered_ == 0 && state_ != state::verifying) connection::on_end_of_input();
}

void client_session::disconnect(const wire::status_error& why) {
    end_with(why, web::close_code::normal, close_reason::requested);
}

void client_session::detach() { leave(); }

}  // namespace bester::clients
