// engine_session: HTTP requests, and the change from these to a WebSocket.
#include <algorithm>
#include <utility>

#include "clients/engine/engine_carrier.hpp"
#include "clients/engine/engine_session.hpp"
#include "clients/engine/shard_engines.hpp"
#include "clients/shard_clients.hpp"
#include "exchange/shard.hpp"
#include "socketio/engine_packet.hpp"
#include "web/utf8.hpp"
#include "wire/base64.hpp"
#include "wire/json_reader.hpp"

namespace bester::clients {

using exchange::counter;
using socketio::engine_error;
using socketio::engine_type;

namespace {

engine_state::transport transport_of(carrier_part part) noexcept {
    switch (part) {
        case carrier_part::takes_over:
        case carrier_part::still_takes_over: return engine_state::transport::offered;
        case carrier_part::is_probed: return engine_state::transport::probed;
        case carrier_part::opens:
        case carrier_part::carries_on: break;
    }
    return engine_state::transport::websocket;
}

}  // namespace

engine_session::http_side& engine_session::http() {
    if (!http_) {
        http_ = std::make_unique<http_side>();
        http_->polled_ms = home_->clients().shard().now_ms();
    }
    return *http_;
}

void engine_session::take_carrier(engine_carrier& websocket, carrier_part part) {
    if (!state_.attach(transport_of(part))) return websocket.fail();
    carrier_ = &websocket;
    is_read_slowly_ = false;  // the connection that an answer was written to may be this one
    if (part == carrier_part::opens) websocket.put_packet(open_text(false), {});
}

void engine_session::answer(waiting_request& to, web::http_status status, std::string body) {
    home_->answer(std::exchange(to, {}), {status, std::move(body)});
}

void engine_session::poll(const waiting_request& from) {
    waiting_request asking = from;
    http_side& side = http();
    if (websocket() || side.poll) {
        // Only one request of each kind at a time is allowed.
        answer(asking, web::http_status::bad_request, std::string{socketio::error_body(engine_error::bad_request)});
        if (side.poll) close(true);
        return;
    }
    side.poll = from;
    side.polled_ms = home_->clients().shard().now_ms();
    if (side.packets > 0) answer_poll();
    else if (state_.is_probed()) answer(side.poll, web::http_status::ok, "6");
}

/// Registers that packets wait for a poll; packets of one turn go in one answer. A client takes nothing between two
/// polls, when the answers to all its events may come: so several times as much may wait for one that has polled
/// lately. The bound of all clients together holds for it, too.
void engine_session::packet_queued() {
    http_side& side = http();
    const client_limits& limits = home_->clients().limits();
    const std::uint64_t since_ms = home_->clients().shard().now_ms() - side.polled_ms;
    const std::size_t times =
        since_ms < static_cast<std::uint64_t>(limits.write_timeout.count()) ? limits.polling_queues : 1;
    const bool is_full = side.queue.size() / times > limits.queue_bytes || side.packets / times > limits.queue_messages;
    if (is_full && side.packets > 1) {
        home_->clients().shard().count(counter::slow_consumers);
        return close_later();
    }
    settle();
    home_->call_later(*this, due_answer);
}

void engine_session::answer_poll() {
    if (!http_ || !http_->poll || http_->packets == 0) return;
    http_->packets = 0;
    answer(http_->poll, web::http_status::ok, std::exchange(http_->queue, {}));
    if (has_held_post()) home_->call_later(*this, due_post);
    settle();
}

/// Returns whether the client must poll before more of its events are taken: their answers would come on top of what
/// waits already.
bool engine_session::must_wait_for_polls() const noexcept {
    if (websocket()) return false;
    const client_limits& limits = home_->clients().limits();
    return http_->queue.size() > limits.queue_bytes / 2 || http_->packets > limits.queue_messages / 2;
}

/// Answers a post before its packets are taken: a client that upgrades does not poll any more, and takes over only when
/// its post is answered. No second post is answered early until the packets are taken, so that they are bounded.
void engine_session::answer_held_post() {
    if (!state_.is_probed() || !has_held_post() || !http_->post || http_->is_answered_early) return;
    http_->is_answered_early = true;
    answer(http_->post, web::http_status::ok, "ok");
}

void engine_session::post(std::string body, const waiting_request& from) {
    waiting_request asking = from;
    http_side& side = http();
    if (websocket() || side.post) {
        answer(asking, web::http_status::bad_request, std::string{socketio::error_body(engine_error::bad_request)});
        if (side.post) close(true);
        return;
    }
    side.post = from;
    if (!web::is_utf8(body)) {
        close(true);
        return;
    }
    if (side.at < side.body.size()) {
        // The rest of a post that was answered early, before an upgrade that has come to nothing.
        side.body.erase(0, side.at);
        side.body.append(1, socketio::payload_separator).append(body);
    } else {
        side.body = std::move(body);
    }
    side.body.reserve(side.body.size() + wire::json_padding);  // the reader of the last packet looks a little beyond it
    side.at = 0;
    take_post();
    if (http_) settle();
}

/// Takes the packets of a post as far as possible and for as long as a client may be read at a time, and answers it
/// when all are taken.
void engine_session::take_post() {
    if (state_.is_closed() || journey_ || !http_ || (!http_->post && http_->body.empty())) return;
    constexpr unsigned packets_by_one_clock = 16;
    exchange::shard& shard = home_->clients().shard();
    for (unsigned packets = 1; holding_ == 0; ++packets) {
        const std::string_view rest = std::string_view{http_->body}.substr(http_->at);
        if (rest.empty() && http_->at > 0) {
            http_->body = {};
            http_->is_answered_early = false;
            if (http_->post) answer(http_->post, web::http_status::ok, "ok");
            settle();
            if (websocket()) carrier_->go_on();
            return;
        }
        const std::size_t size = std::min(rest.find(socketio::payload_separator), rest.size());
        socketio::engine_packet packet;
        if (!socketio::decode_engine_packet(rest.substr(0, size), packet)) {
            close(true);
            return;
        }
        const bool is_event = packet.type == engine_type::message;
        if (is_event && must_wait_for_polls()) return answer_held_post();
        const std::size_t begin = http_->at;
        http_->at += std::min(size + 1, rest.size());
        // Ends with a separator: an empty packet.
        if (http_->at == http_->body.size() && size < rest.size()) {
            close(true);
            return;
        }
        const step done = take(packet, nullptr);
        if (done == step::not_yet) http_->at = begin;
        if (done != step::next) return;
        if (packets % packets_by_one_clock == 0 && shard.is_reading_over(true))
            return home_->call_later(*this, due_post);
    }
}

void engine_session::answer_was_read() {
    is_read_slowly_ = false;
    // Only now it can see what came after that.
    if (pinged_ms_ != 0) pinged_ms_ = home_->clients().shard().now_ms();
}

void engine_session::request_gone(const waiting_request& which) {
    if (!http_) return;
    if (http_->post == which) {
        http_->post = {};
        close(false);
    } else if (http_->poll == which) {
        http_->poll = {};
        close(false);
    }
}

/// Handles the probe of a WebSocket that is to take over from HTTP requests, and the takeover.
engine_session::step engine_session::take_probe(const socketio::engine_packet& packet, engine_carrier& from) {
    if (packet.type == engine_type::ping && packet.data == "probe") {
        state_.probe();
        from.put_packet("3probe", {});
        // The client takes over when its last request is answered.
        if (http().poll) {
            if (http().packets == 0) answer(http().poll, web::http_status::ok, "6");
            else answer_poll();
        }
        answer_held_post();
        return step::next;
    }
    if (packet.type != engine_type::upgrade || !state_.take_over()) return refuse_probe(from);
    http_side& side = http();
    if (side.poll) answer(side.poll, web::http_status::ok, "6");
    // Waiting packets go over the WebSocket before new ones.
    socketio::payload_reader reader{side.queue};
    socketio::engine_packet waiting;
    while (websocket() && reader.next(waiting) == socketio::payload_status::packet) {
        if (waiting.is_base64) {
            std::string bytes;
            wire::decode_base64(waiting.data, bytes);
            carrier_->put_bytes(bytes);
        } else {
            std::string text{static_cast<char>('0' + static_cast<int>(waiting.type))};
            carrier_->put_packet(text.append(waiting.data), {});
        }
    }
    side.queue = {};
    side.packets = 0;
    if (side.post || has_held_post()) go_on();
    else http_.reset();
    settle();
    return step::next;
}

/// Ends a WebSocket that was to take over; the session goes on over HTTP.
engine_session::step engine_session::refuse_probe(engine_carrier& from) {
    home_->clients().shard().count(counter::messages_bad);
    lose_carrier();
    from.leave_engine();
    return step::closed;
}

}  // namespace bester::clients
