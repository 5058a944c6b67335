#include "clients/session/frame_session.hpp"

#include <string>

#include "clients/shard_clients.hpp"
#include "exchange/shard.hpp"

namespace bester::clients {

using exchange::counter;
using wire::error_code;

bool frame_session::deliver(std::string_view type_token, std::string_view data, std::string_view id_token) {
    const std::size_t size = wire::delivery_size(type_token, data, id_token);
    return put(size, [&](char* room) {
        wire::write_delivery(room, type_token, data, id_token);
        return size;
    });
}

bool frame_session::deliver(const exchange::payload& frame) { return put(frame); }

void frame_session::message_done(const exchange::envelope_view& message, const wire::status_error* error) {
    finish_message(*this, message, error);
}

void frame_session::send_frame(std::string_view frame) { put(frame); }

void frame_session::send_good(std::string_view id_token, wire::delivered_count delivered) {
    shard_.count(counter::statuses_good);
    put(wire::good_status_size(id_token), [&](char* room) {
        return static_cast<std::size_t>(wire::write_good_status(room, id_token, delivered) - room);
    });
}

void frame_session::say_goodbye(const wire::status_error& why, web::close_code) {
    put_last(wire::bad_status_frame(wire::close_id, why));
}

void frame_session::apply_limits() { set_frame_limit(message_limit()); }

void frame_session::on_bad_frame(bool is_too_large) {
    shard_.count(counter::messages_bad);
    if (is_ending() || state_ == state::closing) return;
    const error_code code = is_too_large ? error_code::too_large : error_code::bad_frame;
    std::string reason{wire::describe(code).meaning};
    if (is_too_large) reason = "the frame is larger than " + std::to_string(message_limit()) + " bytes";
    send_bad(wire::error_id, wire::as_status_error(code, reason));
    leave_and_close(exchange::close_reason::bad_input);
}

}  // namespace bester::clients
