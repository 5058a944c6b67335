// client_session: WebSocket, in and out.
#include <cstring>
#include <utility>

#include <spdlog/spdlog.h>

#include "clients/client_session.hpp"
#include "clients/http_framing.hpp"
#include "clients/shard_clients.hpp"
#include "clients/websocket_framing.hpp"
#include "exchange/shard.hpp"
#include "wire/json_text.hpp"

namespace bester::clients {

using exchange::close_reason;
using exchange::counter;
using exchange::frame_verdict;
using wire::client_message;
using wire::error_code;

namespace {

web::close_code code_for(close_reason reason) noexcept {
    switch (reason) {
        case close_reason::requested:
        case close_reason::closed_by_peer: return web::close_code::normal;
        case close_reason::shutting_down: return web::close_code::going_away;
        case close_reason::bad_input: return web::close_code::invalid_data;
        default: return web::close_code::policy_violation;
    }
}

/// Of a message that failed, on a path where nothing else can tell it.
web::close_code code_for(const wire::status_error& error) noexcept {
    if (error.temporary) return web::close_code::try_again_later;
    const bool is_ours = error.code == "handler_failed" || error.code == "internal_error";
    return is_ours ? web::close_code::internal_error : web::close_code::policy_violation;
}

}  // namespace

std::string_view client_session::path() const noexcept {
    return web_ && web_->path ? std::string_view{web_->path->name} : std::string_view{};
}

std::string_view client_session::query() const noexcept {
    return web_ ? std::string_view{web_->query} : std::string_view{};
}

// ---- frames in -------------------------------------------------------------------------------

/// A message of a bound path: all of it is data.
frame_verdict client_session::on_bound(std::string_view body) {
    client_message message;
    message.type = web_->path->type;
    message.type_token = web_->type_token;
    if (web_->form == web_form::bound_text) {
        std::string& room = owner_.text_room();
        room.clear();
        wire::append_quoted(room, body);
        message.data = room;
    } else {
        const auto reader = shard_.reader();
        if (!reader->start(body) || !reader->value(message.data) || !reader->at_end()) {
            shard_.count(counter::messages_bad);
            web_->failure = "bad_message";
            finish(close_reason::bad_input);
            return frame_verdict::closed;
        }
    }
    state_ = state::open;
    return handle(message, false);
}

void client_session::heard() noexcept {
    web_->last_heard_ms = shard_.now_ms();
    web_->is_pinged = false;
}

void client_session::on_ping(std::string_view body) {
    const std::size_t size = web::frame_header_size(body.size()) + body.size();
    put(size, [&](char* room) {
        std::memcpy(web::write_frame_header(room, web::opcode::pong, body.size()), body.data(), body.size());
        return size;
    });
}

void client_session::on_pong() {}

void client_session::on_websocket_end(web::close_code code, std::string_view reason, bool failed) {
    if (failed) {
        shard_.count(counter::messages_bad);
        spdlog::debug("session {} of {}: WebSocket failed: {}", std::string_view{id_.text()}, user_, reason);
    }
    if (state_ == state::leaving) return;
    if (failed && !web_->is_bound()) {
        const auto why = code == web::close_code::message_too_large ? error_code::too_large : error_code::bad_frame;
        send_bad(wire::error_id, wire::as_status_error(why, reason));
    }
    end_websocket(failed || code != web::close_code::no_status ? code : web::close_code::none,
                  failed ? reason : std::string_view{});
    leave_exchange();
    close_after_flush(failed ? close_reason::bad_input : close_reason::requested);
}

/// Silence is broken by a ping; who does not answer it is gone. False if it was closed.
bool client_session::check_alive(std::uint64_t now_ms, std::uint64_t idle_ms, std::uint64_t timeout_ms) {
    if (web_->form == web_form::engine) return true;  // has pings of its own
    if (is_paused() || is_blocked()) {
        // Its silence is our doing, or has a limit of its own (limits.write_timeout).
        web_->last_heard_ms = now_ms;
        web_->is_pinged = false;
    }
    if (state_ == state::leaving || now_ms < web_->last_heard_ms + idle_ms) return true;
    if (!web_->is_pinged) {
        web_->is_pinged = true;
        char header[web::max_frame_header_size];
        const char* const end = web::write_frame_header(header, web::opcode::ping, 0);
        put(std::string_view{header, static_cast<std::size_t>(end - header)});
        return true;
    }
    if (now_ms < web_->last_heard_ms + idle_ms + timeout_ms) return true;
    close(close_reason::connection_lost);
    return false;
}

// ---- frames out ------------------------------------------------------------------------------

bool client_session::put_text(std::string_view body) {
    web::payload_form form = web::payload_form::plain;
    if (web_->is_compressed && body.size() >= least_compressed) {
        body = owner_.websockets().deflater().deflate(body);
        form = web::payload_form::deflated;
    }
    const std::size_t size = web::frame_header_size(body.size()) + body.size();
    return put(size, [&](char* room) {
        std::memcpy(web::write_frame_header(room, web::opcode::text, body.size(), form), body.data(), body.size());
        return size;
    });
}

bool client_session::deliver_on_web(std::string_view type_token, std::string_view data, std::string_view id_token) {
    if (web_->form == web_form::bound_json) return put_text(data);
    if (web_->form == web_form::bound_text) return put_text(text_of(data, owner_.text_room()));
    const std::size_t size = wire::delivery_size(type_token, data, id_token);
    if (web_->is_compressed && size >= least_compressed) {
        std::string& room = owner_.text_room();
        room.resize(size);
        wire::write_delivery(room.data(), type_token, data, id_token);
        return put_text(body_of(room));
    }
    return put(size + web::max_frame_header_size, [&](char* room) {
        wire::write_delivery(room, type_token, data, id_token);
        return make_websocket_frame(room, size);
    });
}

bool client_session::deliver_on_web(const exchange::payload& frame) {
    if (web_->is_compressed && frame.size() >= least_compressed) {
        std::string_view body = body_of(frame.view());
        if (web_->is_bound()) body = data_of_delivery(body);
        if (web_->form == web_form::bound_text) body = text_of(body, owner_.text_room());
        return put_text(body);
    }
    return put(owner_.web_forms().of(frame, web_->form));
}

void client_session::send_good_on_web(std::string_view id_token, wire::delivered_count delivered) {
    if (web_->is_bound()) return;
    const std::size_t size = wire::good_status_size(id_token) + web::max_frame_header_size;
    put(size, [&](char* room) {
        const char* const end = wire::write_good_status(room, id_token, delivered);
        return make_websocket_frame(room, static_cast<std::size_t>(end - room));
    });
}

void client_session::send_frame_on_web(std::string_view frame) {
    if (!web_->is_bound() && web_->path) put_text(body_of(frame));
}

/// On a bound path a message that failed is told by the end of the connection.
void client_session::fail_bound(const wire::status_error& error) {
    if (web_->has_ended || !web_->failure.empty()) return;
    web_->failure = error.code;
    const auto code = code_for(error);
    // Not now: whoever tells it may be going through things that the session would leave.
    shard_.at_turn_end([&home = shard_, id = id_, code] {
        auto* const who = static_cast<client_session*>(home.sessions().find(id));
        if (!who || who->state_ == state::leaving) return;
        who->end_websocket(code, who->web_->failure);
        who->leave_exchange();
        who->close_after_flush(close_reason::requested);
    });
}

/// Writes the close frame, past the limit if need be: it is the last.
void client_session::end_websocket(web::close_code code, std::string_view reason) {
    if (!web_ || !web_->path || web_->has_ended || !is_open()) return;
    web_->has_ended = true;
    enqueue_answer(web::make_close_frame(code, reason));
}

/// Says why the session ends, to a client of this kind.
void client_session::say_goodbye(const wire::status_error& why, web::close_code code) {
    if (!web_) {
        enqueue_answer(wire::bad_status_frame(wire::close_id, why));
        return;
    }
    if (!web_->path) {
        // Only half a request is told so, and not before the request before it has its answer.
        const bool has_begun = static_cast<const http_framing*>(current_framing())->has_begun();
        const bool is_late = why.code == "authentication_timeout" || why.code == "frame_timeout";
        if (!has_begun || web_->pending || (!is_late && why.code != "input_overload")) return;
        enqueue_answer(
            web::error_response(is_late ? web::http_status::request_timeout : web::http_status::service_unavailable));
        return;
    }
    if (web_->has_ended) return;
    if (!web_->is_bound()) {
        const std::string frame = wire::bad_status_frame(wire::close_id, why);
        const std::string_view body = body_of(frame);
        char header[web::max_frame_header_size];
        const char* const end = web::write_frame_header(header, web::opcode::text, body.size());
        std::string whole(header, static_cast<std::size_t>(end - header));
        whole += body;
        enqueue_answer(whole);
    }
    end_websocket(code, why.code);
}

void client_session::finish(close_reason reason) {
    if (web_) end_websocket(code_for(reason), web_->failure);
    close_after_flush(reason);
}

}  // namespace bester::clients
