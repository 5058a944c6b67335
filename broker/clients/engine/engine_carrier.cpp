#include "clients/engine/engine_carrier.hpp"

#include <cstring>
#include <string>
#include <utility>

#include "clients/engine/engine_session.hpp"
#include "clients/shard_clients.hpp"
#include "exchange/shard.hpp"

namespace bester::clients {

using exchange::close_reason;
using exchange::frame_verdict;

engine_carrier::engine_carrier(shard_clients& owner, connection_parts& from, const websocket_upgrade& how,
                               engine_session& carried, carrier_part)
    : connection{owner, from}, websocket_side{*this, how}, engine_{&carried} {
    set_framing(make_framing(message_limit(), true));
}

void engine_carrier::begin(std::string_view received, const websocket_upgrade& how, engine_session& carried,
                           carrier_part part) {
    owner_.authenticated(*this);  // log-ins in namespaces have a deadline of their own
    if (!how.answer.empty()) put_last(how.answer);
    carried.take_carrier(*this, part);
    connection::begin(received);
}

std::size_t engine_carrier::message_limit() const noexcept {
    return connection::message_limit(engine_ && engine_->has_joined());
}

std::string engine_carrier::describe_holder(std::size_t bytes) const {
    return engine_ ? engine_->describe_holder(bytes) : connection::describe_holder(bytes);
}

frame_verdict engine_carrier::on_frame(std::string_view body) {
    note_traffic();
    if (is_ending() || !engine_) return frame_verdict::closed;
    const frame_verdict verdict = engine_->on_websocket(*this, body, is_binary());
    if (verdict == frame_verdict::taken_then_pause || verdict == frame_verdict::not_yet) hold(on_engine);
    return verdict;
}

// ---- to the client ---------------------------------------------------------------------------

bool engine_carrier::put_packet(std::string_view start, std::string_view data) {
    const std::size_t body_size = start.size() + data.size();
    if (is_deflated(body_size)) {
        std::string whole{start};
        return put_text(whole.append(data));
    }
    const std::size_t size = web::frame_header_size(body_size) + body_size;
    return put(size, [&](char* room) {
        char* const at = web::write_frame_header(room, web::opcode::text, body_size);
        std::memcpy(at, start.data(), start.size());
        if (!data.empty()) std::memcpy(at + start.size(), data.data(), data.size());
        return size;
    });
}

bool engine_carrier::put_bytes(std::string_view bytes) {
    const std::size_t size = web::frame_header_size(bytes.size()) + bytes.size();
    return put(size, [&](char* room) {
        char* const at = web::write_frame_header(room, web::opcode::binary, bytes.size());
        if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
        return size;
    });
}

bool engine_carrier::takes_from_servers() {
    if (is_half_full() && !is_blocked()) flush_early();
    return !is_half_full();
}

// ---- the end ---------------------------------------------------------------------------------

/// Not now, since the caller may be iterating over the group that the sessions would leave.
void engine_carrier::overflow() {
    if (engine_) engine_->close_later();
    else connection::overflow();
}

void engine_carrier::leave_engine() {
    engine_ = nullptr;
    if (is_ending()) return;
    end_websocket(web::close_code::normal, {});
    leave_and_close(close_reason::requested);
}

void engine_carrier::detach() {
    if (engine_session* const carried = std::exchange(engine_, nullptr)) carried->carrier_gone(*this);
}

void engine_carrier::say_goodbye(const wire::status_error& why, web::close_code code) { end_websocket(code, why.code); }

void engine_carrier::finish(close_reason reason) {
    end_websocket(close_code_for(reason), {});
    close_after_flush(reason);
}

}  // namespace bester::clients
