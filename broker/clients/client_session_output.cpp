// client_session: what goes to the client, and how much of it may wait.
#include "clients/client_session.hpp"
#include "clients/engine_session.hpp"
#include "clients/shard_clients.hpp"
#include "exchange/shard.hpp"
#include "tls/cipher.hpp"

namespace bester::clients {

using exchange::close_reason;
using exchange::counter;
using exchange::frame_verdict;
using wire::error_code;

bool client_session::make_room(std::size_t size) {
    if (cipher()) warm_up();
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
    if (!make_room(size)) return false;
    wire::write_delivery(output().reserve(size), type_token, data, id_token);
    output().commit(size);
    queued();
    return true;
}

bool client_session::deliver(const exchange::payload& frame) {
    if (web_) return deliver_on_web(frame);
    if (!make_room(frame.size())) return false;
    output().append(frame);
    queued();
    return true;
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
    if ((held_ & on_unanswered) != 0 && unanswered_ <= owner_.limits().unanswered / 2) release(on_unanswered);
    if (closing_id_ && unanswered_ == 0) return answer_close();
    if (input_ended_) close_if_finished();
}

void client_session::send_good(std::string_view id_token, wire::delivered_count delivered) {
    const std::size_t size = wire::good_status_size(id_token);
    shard_.count(counter::statuses_good);
    if (web_) return send_good_on_web(id_token, delivered);
    if (!make_room(size)) return;
    char* const begin = output().reserve(size);
    output().commit(static_cast<std::size_t>(wire::write_good_status(begin, id_token, delivered) - begin));
    queued();
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
    if (!make_room(frame.size())) return;
    output().append(frame);
    queued();
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

frame_verdict client_session::held(hold why) {
    held_ |= why;
    return frame_verdict::taken_then_pause;
}

/// The frame stays where it is until the reason is gone.
frame_verdict client_session::not_before(hold why) {
    held_ |= why;
    return frame_verdict::not_yet;
}

void client_session::release(hold why) {
    held_ &= static_cast<std::uint8_t>(~why);
    if (held_ == 0) resume();
}

void client_session::message_left_queue() { release(on_queue); }

void client_session::memory_is_free() { release(on_memory); }

void client_session::warm_up() {
    last_traffic_ms_ = shard_.now_ms();
    if (!is_listed_warm) owner_.watch_warm(*this);
}

bool client_session::cool(std::uint64_t now_ms) {
    constexpr std::uint64_t idle_ms = 2'000;
    if (now_ms - last_traffic_ms_ < idle_ms || queued_bytes() > 0) return false;
    // Ciphers of clients are made by this class alone.
    static_cast<tls::cipher*>(cipher())->release_memory();
    return true;
}

void client_session::apply_limits() {
    set_frame_limit(owner_.limits().message_size);
    if (web_ && web_->path)
        static_cast<websocket_framing*>(current_framing())->set_message_limit(owner_.limits().message_size);
}

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
    if (web_ && web_->pending && web_->pending->file) send_file_on();
    if (is_open() && (held_ & on_output) != 0) release(on_output);
}

}  // namespace bester::clients
