#include "incoming_frame.hpp"

#include <array>
#include <utility>

#include "wire/json_reader.hpp"

namespace bester::detail {

namespace {

constexpr std::array<std::pair<std::string_view, incoming_kind>, 10> kinds{{
    {"message", incoming_kind::message},
    {"event", incoming_kind::event},
    {"snapshot", incoming_kind::snapshot},
    {"report", incoming_kind::report},
    {"refused", incoming_kind::refused},
    {"result", incoming_kind::result},
    {"drain", incoming_kind::drain},
    {"ping", incoming_kind::ping},
    {"welcome", incoming_kind::welcome},
    {"error", incoming_kind::error},
}};

incoming_kind kind_of(std::string_view text) noexcept {
    for (const auto& [name, kind] : kinds)
        if (name == text) return kind;
    return incoming_kind::unknown;
}

bool decode_sender(wire::json_reader& reader, message_fields& fields) {
    return reader.object([&](std::string_view key) {
        if (key == "user") return reader.string(fields.user);
        if (key == "session") return reader.string(fields.session);
        if (key == "server") return reader.string(fields.server);
        if (key == "handler") return reader.string(fields.handler);
        if (key == "roles" && reader.peek() == '[') return reader.value(fields.roles);
        if (key == "claims" && reader.peek() == '{') return reader.value(fields.claims);
        return reader.skip();
    });
}

}  // namespace

incoming_frame decode_incoming(wire::json_reader& reader, std::string_view body) {
    incoming_frame frame;
    message_fields& fields = frame.message;
    std::string_view kind;
    bool has_id = false;
    // Only messages have fields whose kind of value is known here: a report's id may be text.
    const bool is_object = reader.start(body) && reader.object([&](std::string_view key) {
        if (key == "kind") return reader.string(kind);
        if (kind != "message" && !kind.empty()) return reader.skip();
        if (key == "id" && reader.peek() != '"') return has_id = true, reader.integer(fields.id);
        if (key == "type" && reader.peek() == '"') return reader.string(fields.type);
        if (key == "key" && reader.peek() == '"') return reader.string(fields.key);
        if (key == "data") return reader.value(fields.data);
        if (key == "from" && reader.peek() == '{') return decode_sender(reader, fields);
        if (key == "time" && reader.peek() != '"') return reader.integer(fields.time_ms);
        if (key == "deadline" && reader.peek() != '"') return reader.integer(frame.deadline_ms);
        if (key == "request" && reader.peek() != '"') return reader.boolean(fields.is_request);
        return reader.skip();
    }) && reader.at_end();
    if (!is_object || kind.empty()) return frame;
    frame.kind = kind_of(kind);
    if (frame.kind == incoming_kind::message && (!has_id || fields.type.empty())) frame.kind = incoming_kind::malformed;
    return frame;
}

}  // namespace bester::detail
