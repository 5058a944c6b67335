#include "clients/websocket/websocket_side.hpp"

#include <cstring>

#include "clients/connection/connection.hpp"
#include "clients/shard_clients.hpp"
#include "exchange/shard.hpp"
#include "log/log.hpp"

namespace bester::clients {

using exchange::close_reason;
using exchange::counter;

websocket_side::websocket_side(connection& carrier, const websocket_upgrade& from)
    : path_{*from.path},
      query_{from.query},
      is_compressed_{from.is_compressed},
      carrier_{carrier},
      last_heard_ms_{carrier.clients().shard().now_ms()} {}

std::unique_ptr<exchange::framing> websocket_side::make_framing(std::size_t message_limit, bool allows_binary) {
    web::websocket_settings settings;
    settings.message_limit = message_limit;
    settings.allows_binary = allows_binary;
    settings.is_compressed = is_compressed_;
    auto made = std::make_unique<websocket_framing>(carrier_.clients().websockets(), settings,
                                                    static_cast<websocket_events&>(*this));
    framing_ = made.get();
    return made;
}

// ---- from the client -------------------------------------------------------------------------

void websocket_side::heard() noexcept {
    last_heard_ms_ = carrier_.clients().shard().now_ms();
    is_pinged_ = false;
}

void websocket_side::on_ping(std::string_view body) {
    const std::size_t size = web::frame_header_size(body.size()) + body.size();
    carrier_.put(size, [&](char* room) {
        std::memcpy(web::write_frame_header(room, web::opcode::pong, body.size()), body.data(), body.size());
        return size;
    });
}

void websocket_side::on_websocket_end(web::close_code code, std::string_view reason, bool failed) {
    if (failed) {
        carrier_.clients().shard().count(counter::messages_bad);
        log::debug("{}: WebSocket failed: {}", carrier_.describe(), reason);
    }
    if (carrier_.is_ending()) return;
    if (failed) tell_failure(code, reason);
    end_websocket(failed || code != web::close_code::no_status ? code : web::close_code::none,
                  failed ? reason : std::string_view{});
    carrier_.leave_and_close(failed ? close_reason::bad_input : close_reason::requested);
}

void websocket_side::check_alive(std::uint64_t now_ms, std::uint64_t idle_ms, std::uint64_t timeout_ms) {
    if (carrier_.is_paused() || carrier_.is_blocked()) {
        // The broker does not read it, or the silence has a limit of its own (limits.write_timeout).
        last_heard_ms_ = now_ms;
        is_pinged_ = false;
    }
    if (carrier_.is_ending() || now_ms < last_heard_ms_ + idle_ms) return;
    if (!is_pinged_) {
        is_pinged_ = true;
        last_heard_ms_ = now_ms - idle_ms;  // the time to answer begins now, however late this is
        char header[web::max_frame_header_size];
        const char* const end = web::write_frame_header(header, web::opcode::ping, 0);
        carrier_.put(std::string_view{header, static_cast<std::size_t>(end - header)});
        return;
    }
    if (now_ms >= last_heard_ms_ + idle_ms + timeout_ms) carrier_.close(close_reason::connection_lost);
}

// ---- to the client ---------------------------------------------------------------------------

bool websocket_side::put_text(std::string_view body) {
    web::payload_form form = web::payload_form::plain;
    if (is_deflated(body.size())) {
        body = carrier_.clients().websockets().deflater().deflate(body);
        form = web::payload_form::deflated;
    }
    const std::size_t size = web::frame_header_size(body.size()) + body.size();
    return carrier_.put(size, [&](char* room) {
        std::memcpy(web::write_frame_header(room, web::opcode::text, body.size(), form), body.data(), body.size());
        return size;
    });
}

void websocket_side::end_websocket(web::close_code code, std::string_view reason) {
    if (has_ended_ || !carrier_.is_open()) return;
    has_ended_ = true;
    carrier_.put_last(web::make_close_frame(code, reason));
}

web::close_code websocket_side::close_code_for(close_reason reason) noexcept {
    switch (reason) {
        case close_reason::requested:
        case close_reason::closed_by_peer: return web::close_code::normal;
        case close_reason::shutting_down: return web::close_code::going_away;
        case close_reason::bad_input: return web::close_code::invalid_data;
        default: return web::close_code::policy_violation;
    }
}

}  // namespace bester::clients
