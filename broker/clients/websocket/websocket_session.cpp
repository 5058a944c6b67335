#include "clients/websocket/websocket_session.hpp"

#include <string>

#include "clients/shard_clients.hpp"
#include "clients/websocket/web_form.hpp"
#include "exchange/shard.hpp"

namespace bester::clients {

using exchange::close_reason;
using exchange::counter;
using wire::error_code;

websocket_session::websocket_session(shard_clients& owner, connection_parts& from, const websocket_upgrade& how)
    : protocol_session{owner, from}, websocket_side{*this, how} {
    set_framing(make_framing(message_limit(), false));
}

void websocket_session::begin(std::string_view received, const websocket_upgrade& how) {
    put_last(how.answer);
    owner_.watch_silence(*this);
    connection::begin(received);
}

const std::vector<authentication_method>& websocket_session::methods() const noexcept {
    return path_.authentication.empty() ? listener_.authentication : path_.authentication;
}

// ---- to the client ---------------------------------------------------------------------------

bool websocket_session::deliver(std::string_view type_token, std::string_view data, std::string_view id_token) {
    const std::size_t size = wire::delivery_size(type_token, data, id_token);
    if (is_deflated(size)) {
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

bool websocket_session::deliver(const exchange::payload& frame) {
    if (is_deflated(frame.size())) return put_text(body_of(frame.view()));
    return put(owner_.web_forms().of(frame, web_form::protocol));
}

void websocket_session::message_done(const exchange::envelope_view& message, const wire::status_error* error) {
    finish_message(*this, message, error);
}

void websocket_session::send_frame(std::string_view frame) { put_text(body_of(frame)); }

void websocket_session::send_good(std::string_view id_token, wire::delivered_count delivered) {
    shard_.count(counter::statuses_good);
    put(wire::good_status_size(id_token) + web::max_frame_header_size, [&](char* room) {
        const char* const end = wire::write_good_status(room, id_token, delivered);
        return make_websocket_frame(room, static_cast<std::size_t>(end - room));
    });
}

// ---- the end ---------------------------------------------------------------------------------

void websocket_session::say_goodbye(const wire::status_error& why, web::close_code code) {
    if (has_ended()) return;
    const std::string frame = wire::bad_status_frame(wire::close_id, why);
    const std::string_view body = body_of(frame);
    char header[web::max_frame_header_size];
    const char* const end = web::write_frame_header(header, web::opcode::text, body.size());
    std::string whole(header, static_cast<std::size_t>(end - header));
    whole += body;
    put_last(whole);
    end_websocket(code, why.code);
}

void websocket_session::finish(close_reason reason) {
    end_websocket(close_code_for(reason), {});
    close_after_flush(reason);
}

void websocket_session::tell_failure(web::close_code code, std::string_view reason) {
    const auto why = code == web::close_code::message_too_large ? error_code::too_large : error_code::bad_frame;
    send_bad(wire::error_id, wire::as_status_error(why, reason));
}

void websocket_session::detach() {
    owner_.stop_watching(*this);
    protocol_session::detach();
}

}  // namespace bester::clients
