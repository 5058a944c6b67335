// client_session: what goes to the client, and how much of it may wait.
#include <algorithm>

#include <spdlog/spdlog.h>

#include "clients/client_session.hpp"
#include "clients/engine_session.hpp"
#include "clients/http_framing.hpp"
#include "clients/shard_clients.hpp"
#include "exchange/shard.hpp"
#include "tls/cipher.hpp"

namespace bester::clients {

using exchange::close_reason;
using exchange::counter;
using exchange::frame_verdict;
using wire::error_code;

/// What was not taken was too much: the session ends.
bool client_session::took(exchange::enqueued result) {
    if (result != exchange::enqueued::refused) return true;
    if (is_open() && !is_closing()) overflow();
    return false;
}

/// May something be sent to it? For a ciphered one this is traffic.
bool client_session::takes_output() {
    if (cipher()) warm_up();
    return !has_overflowed_ && is_open() && state_ != state::leaving;
}

bool client_session::put(std::string_view frame) { return takes_output() && took(enqueue(frame)); }

bool client_session::put(const exchange::payload& frame) { return takes_output() && took(enqueue(frame)); }

void client_session::overflow() {
    has_overflowed_ = true;
    shard_.count(counter::slow_consumers);
    if (web_ && web_->engine) return web_->engine->close_later();
    // Not now: whoever delivers may be going through the group that the session would leave.
    shard_.at_turn_end([&home = shard_, id = id_] {
        if (auto* who = static_cast<client_session*>(home.sessions().find(id)))
            who->end(error_code::slow_consumer, close_reason::slow_consumer);
    });
}

bool client_session::deliver(std::string_view type_token, std::string_view data, std::string_view id_token) {
    if (web_) return deliver_on_web(type_token, data, id_token);
    const std::size_t size = wire::delivery_size(type_token, data, id_token);
    return put(size, [&](char* room) {
        wire::write_delivery(room, type_token, data, id_token);
        return size;
    });
}

bool client_session::deliver(const exchange::payload& frame) {
    if (web_) return deliver_on_web(frame);
    return put(frame);
}

void client_session::message_done(const exchange::envelope_view& message, const wire::status_error* error) {
    --unanswered_;
    const wire::delivered_count delivered =
        message.addressed ? wire::delivered_count{message.delivered} : wire::delivered_count{};
    if (error && web_ && web_->is_bound()) fail_bound(*error);
    if (!message.id_token.empty()) {
        if (error) send_bad(message.id_token, *error, delivered);
        else send_good(message.id_token, delivered);
    }
    if (is_held(on_unanswered) && unanswered_ <= owner_.limits().unanswered / 2) release(on_unanswered);
    if (closing_id_ && unanswered_ == 0) return answer_close();
    if (input_ended_) close_if_finished();
}

void client_session::send_good(std::string_view id_token, wire::delivered_count delivered) {
    const std::size_t size = wire::good_status_size(id_token);
    shard_.count(counter::statuses_good);
    if (web_) return send_good_on_web(id_token, delivered);
    put(size, [&](char* room) {
        return static_cast<std::size_t>(wire::write_good_status(room, id_token, delivered) - room);
    });
}

void client_session::send_bad(std::string_view id_token, const wire::status_error& error,
                              wire::delivered_count delivered) {
    if (web_ && web_->is_bound()) return fail_bound(error);
    if (id_token.empty()) return;
    shard_.count(counter::statuses_bad);
    send_frame(wire::bad_status_frame(id_token, error, delivered));
}

void client_session::send_frame(std::string_view frame) {
    if (web_) return send_frame_on_web(frame);
    put(frame);
}

void client_session::disconnect(const wire::status_error& why) {
    if (state_ == state::leaving) return;
    // Past the limit if need be: it is the last frame, and the one that explains.
    say_goodbye(why, web::close_code::normal);
    leave_exchange();
    close_after_flush(close_reason::requested);
}

void client_session::end(error_code code, close_reason reason) {
    if (state_ == state::leaving) return;
    say_goodbye(wire::as_status_error(code),
                code == error_code::shutting_down ? web::close_code::going_away : web::close_code::policy_violation);
    leave_exchange();
    close_after_flush(reason);
}

void client_session::notify_reconnect(std::uint64_t after_ms) { send_frame(wire::reconnect_notice_frame(after_ms)); }

// ---- flow control ------------------------------------------------------------------------------

frame_verdict client_session::held(hold_reason why) {
    hold(why);
    return frame_verdict::taken_then_pause;
}

/// The frame stays where it is until the reason is gone.
frame_verdict client_session::not_before(hold_reason why) {
    hold(why);
    return frame_verdict::not_yet;
}

void client_session::warm_up() {
    last_traffic_ms_ = shard_.now_ms();
    owner_.watch_warm(*this);
}

bool client_session::cool(std::uint64_t now_ms) {
    constexpr std::uint64_t idle_ms = 2'000;
    if (now_ms - last_traffic_ms_ < idle_ms || queued_bytes() > 0) return false;
    // Ciphers of clients are made by this class alone.
    static_cast<tls::cipher*>(cipher())->release_memory();
    return true;
}

bool client_session::takes_from_servers() {
    if (is_half_full() && !is_blocked()) flush_early();
    return !is_half_full();
}

/// Before anybody has logged in on this connection little is allowed.
std::size_t client_session::message_limit() const noexcept {
    const client_limits& limits = owner_.limits();
    const bool is_known = web_ && web_->engine ? web_->engine->has_joined() : is_authenticated();
    return is_known ? limits.message_size : std::min(limits.message_size, limits.login_size);
}

void client_session::apply_limits() {
    const std::size_t limit = message_limit();
    set_frame_limit(limit);
    if (web_ && web_->path) static_cast<websocket_framing*>(current_framing())->set_message_limit(limit);
}

void client_session::on_drained() {
    if (web_ && web_->pending && web_->pending->file) send_file_on();
}

void client_session::on_blocked() { owner_.watch_blocked(*this); }

/// A reply and a status for each message that it has sent.
std::size_t client_session::awaited_frames() const noexcept { return 2 * std::size_t{unanswered_}; }

// ---- bounds of memory and time -----------------------------------------------------------------

void client_session::on_memory_bound(exchange::held_kind what) {
    if (what == exchange::held_kind::input) {
        owner_.memory().tell(what, describe_holder(held_input()));
        shard_.count(counter::input_evictions);
        end(error_code::input_overload, close_reason::bad_input);
        discard_input();
        return;
    }
    owner_.memory().tell(what, describe_holder(held_output()));
    shard_.count(counter::slow_consumers);
    close(close_reason::slow_consumer);
}

/// Whom a line of the log speaks of.
std::string client_session::describe_holder(std::size_t bytes) const {
    if (web_ && web_->engine) return web_->engine->describe_holder(bytes);
    std::string text = "session " + std::string{std::string_view{id_.text()}} + " of ";
    text += user_.empty() ? "nobody yet" : user_;
    return text + ", " + address() + ", with " + std::to_string(bytes) + " bytes";
}

void client_session::on_frame_pending(std::uint64_t since_ms) {
    const client_limits& limits = owner_.limits();
    // The head of a request is small, and nobody knows yet who sends it.
    const bool is_head = has_begun_request() && !static_cast<const http_framing*>(current_framing())->is_in_body();
    const auto span = is_head ? std::min(limits.frame_timeout, limits.authentication_timeout) : limits.frame_timeout;
    if (shard_.now_ms() - since_ms < static_cast<std::uint64_t>(span.count())) return;
    spdlog::debug("{}: {} was not complete after {} ms", describe_holder(held_input()),
                  is_head ? "the head of a request" : "a frame", span.count());
    shard_.count(counter::frame_timeouts);
    end(error_code::frame_timeout, close_reason::bad_input);
    discard_input();
}

}  // namespace bester::clients
