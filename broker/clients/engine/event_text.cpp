#include "clients/engine/event_text.hpp"

#include "clients/websocket/web_form.hpp"
#include "socketio/attachments.hpp"
#include "socketio/engine_packet.hpp"
#include "socketio/event_data.hpp"
#include "socketio/packet.hpp"
#include "web/websocket_frame.hpp"
#include "wire/json_text.hpp"

namespace bester::clients {

namespace {

void append_frame(std::string& out, web::opcode kind, std::string_view first, std::string_view second = {}) {
    char header[web::max_frame_header_size];
    const char* const end = web::write_frame_header(header, kind, first.size() + second.size());
    out.append(header, static_cast<std::size_t>(end - header)).append(first).append(second);
}

/// Gives the text and the bodies of a packet to `text(prefix, data)` and `body(bytes)`.
template <class Text, class Body>
void take_apart(std::string_view packet, Text&& text, Body&& body) {
    if (socketio::may_have_attachments(packet)) {
        // The broker's own text, which cannot be wrong.
        auto view = socketio::decode_packet(packet.substr(1));
        wire::json_reader reader;
        auto split = view ? socketio::split_attachments(reader, view->data)
                          : tl::unexpected(socketio::attachment_error::not_json);
        if (split && !split->bodies.empty() && split->bodies.size() <= socketio::most_attachments) {
            view->type = view->type == socketio::packet_type::ack ? socketio::packet_type::binary_ack
                                                                  : socketio::packet_type::binary_event;
            view->attachments = static_cast<std::uint32_t>(split->bodies.size());
            char room[socketio::prefix_room];
            text(std::string_view{room, socketio::write_prefix(*view, room)}, split->data);
            for (const std::string& each : split->bodies) body(each);
            return;
        }
    }
    text(packet, std::string_view{});
}

}  // namespace

void append_event_arguments(std::string& out, std::string_view type_token, std::string_view data,
                            const socketio_namespace& to, std::uint64_t offset) {
    if (type_token == to.type_token && socketio::is_event_data(data)) {
        out += data;
    } else {
        // A type with a name that Socket.IO reserves would end the client's connection.
        const std::string_view name = type_token.substr(1, type_token.size() - 2);
        out += socketio::is_reserved_event(name) ? R"(["message")" : "[";
        if (out.back() == '[') out += type_token;
        out.append(",").append(data).append("]");
    }
    if (offset == 0) return;
    out.pop_back();
    out.append(",\"").append(std::to_string(offset)).append("\"]");
}

void append_ack_arguments(std::string& out, std::string_view data) {
    if (data.front() == '[') out += data;
    else out.append("[").append(data).append("]");
}

void append_error_members(std::string& out, std::string_view code, std::string_view reason, bool temporary,
                          std::uint64_t retry_after_ms) {
    out += R"("code":)";
    wire::append_quoted(out, code);
    out += R"(,"reason":)";
    wire::append_quoted(out, reason);
    if (temporary) out += R"(,"temporary":true)";
    if (retry_after_ms != 0) out += R"(,"retry_after_ms":)" + std::to_string(retry_after_ms);
}

void append_websocket_frames(std::string& out, std::string_view packet) {
    take_apart(
        packet,
        [&](std::string_view start, std::string_view data) { append_frame(out, web::opcode::text, start, data); },
        [&](std::string_view bytes) { append_frame(out, web::opcode::binary, bytes); });
}

void append_to_payload(std::string& out, std::string_view packet) {
    take_apart(
        packet, [&](std::string_view start, std::string_view data) { socketio::append_message(out, start, data); },
        [&](std::string_view bytes) { socketio::append_binary(out, bytes); });
}

shared_events::made& shared_events::of(const exchange::payload& frame, const socketio_namespace& to,
                                       std::uint64_t* next_offset) {
    for (made& each : last_)
        if (each.from && each.from.data() == frame.data() && each.to == &to &&
            (each.offset != 0) == (next_offset != nullptr))
            return each;
    made& event = last_[next_++ % std::size(last_)];
    const std::string_view body = body_of(frame.view());
    event.from = frame;
    event.to = &to;
    event.offset = next_offset ? ++*next_offset : 0;
    room_ = to.event_start;
    append_event_arguments(room_, type_of_delivery(body), data_of_delivery(body), to, event.offset);
    event.packet = exchange::payload::copy_of(room_);
    event.frames = {};
    return event;
}

const exchange::payload& shared_events::frames_of(made& event) {
    if (!event.frames) {
        room_.clear();
        append_websocket_frames(room_, event.packet.view());
        event.frames = exchange::payload::copy_of(room_);
    }
    return event.frames;
}

}  // namespace bester::clients
