#include "wire/client_codec.hpp"

#include <charconv>
#include <cstring>

#include "wire/json_reader.hpp"
#include "wire/json_text.hpp"
#include "wire/names.hpp"
#include "wire/text_output.hpp"

namespace bester::wire {

namespace {

// The pieces of the frames that are written on the hot path.
constexpr std::string_view delivery_begin = R"({"header":{"messageType":"receivedMessage"},"payload":{"type":)";
constexpr std::string_view delivery_data = R"(,"data":)";
constexpr std::string_view delivery_id = R"(,"id":)";
constexpr std::string_view payload_end = "}}";
constexpr std::string_view good_begin = R"({"header":{"messageType":"statusReport","status":"good"},"payload":{"id":)";
constexpr std::string_view delivered_begin = R"(,"delivered":)";

/// Refuses a field that stands twice: which one counts would be a matter of taste, and others'
/// parsers have another.
bool is_first(unsigned& seen, unsigned field) noexcept {
    const bool first = (seen & field) == 0;
    seen |= field;
    return first;
}

bool decode_authentication(json_reader& reader, client_message& message) {
    if (reader.peek() != '{') {
        message.credentials = credentials_kind::unknown;
        return reader.skip();
    }
    bool has_user = false;
    bool has_password = false;
    unsigned seen = 0;
    const bool well_formed = reader.object([&](std::string_view key) {
        const bool is_string = reader.peek() == '"';
        if (key == "username") {
            has_user = is_string;
            return is_first(seen, 1) && (is_string ? reader.string(message.user) : reader.skip());
        }
        if (key == "password") {
            has_password = is_string;
            return is_first(seen, 2) && (is_string ? reader.string(message.password) : reader.skip());
        }
        if (key == "token") return is_first(seen, 4) && (is_string ? reader.string(message.token) : reader.skip());
        return reader.skip();
    });
    message.credentials = has_user && has_password ? credentials_kind::password
                          : (seen & 4) != 0        ? credentials_kind::token
                                                   : credentials_kind::unknown;
    return well_formed;
}

bool decode_header(json_reader& reader, client_message& message) {
    if (reader.peek() != '{') return reader.skip();
    unsigned seen = 0;
    return reader.object([&](std::string_view key) {
        if (key == "scope")
            return is_first(seen, 1) && (reader.peek() == '"' ? reader.string(message.scope) : reader.skip());
        if (key == "authentication") {
            const std::size_t begin = reader.here();
            if (!is_first(seen, 2) || !decode_authentication(reader, message)) return false;
            message.authentication = reader.since(begin);
            return true;
        }
        return reader.skip();
    });
}

/// Reads `payload`; the values' kinds are checked by the caller, so that the id is known by then.
bool decode_payload(json_reader& reader, client_message& message, std::string_view& reason) {
    unsigned seen = 0;
    return reader.object([&](std::string_view key) {
        if (key == "type") {
            if (!is_first(seen, 1)) return false;
            if (reader.peek() == '"') return reader.raw_string(message.type_token);
            reason = "payload.type is not a string";
            return reader.skip();
        }
        if (key == "data") return is_first(seen, 2) && reader.value(message.data);
        if (key == "key") {
            if (!is_first(seen, 8)) return false;
            if (reader.peek() == '"') return reader.raw_string(message.key_token);
            reason = "payload.key is not a string";
            return reader.skip();
        }
        if (key == "id") {
            if (!is_first(seen, 4)) return false;
            if (reader.peek() == '"') return reader.raw_string(message.id_token);
            if (reader.peek() != 'n') reason = "payload.id is not a string";
            return reader.skip();
        }
        return reader.skip();
    });
}

/// Understands the routing key; false: it is too long.
bool decode_key(json_reader& reader, client_message& message) {
    std::string_view key;
    if (message.key_token.empty()) return true;
    if (!reader.unquote(message.key_token, key) || key.size() > max_key_size) return false;
    message.key_hash = key_hash(key);
    if (key.empty()) message.key_token = {};
    return true;
}

}  // namespace

namespace {

error_code decode_message(json_reader& reader, std::string_view body, client_message& message,
                          std::string_view& reason) {
    message.data = "null";
    reason = {};
    unsigned seen = 0;
    bool has_payload = false;
    const bool well_formed = reader.start(body) && reader.object([&](std::string_view key) {
        if (key == "payload") {
            has_payload = reader.peek() == '{';
            return is_first(seen, 1) && (has_payload ? decode_payload(reader, message, reason) : reader.skip());
        }
        if (key == "header") return is_first(seen, 2) && decode_header(reader, message);
        return reader.skip();
    }) && reader.at_end();
    if (!well_formed) {
        message = {};
        reason = "not well-formed: one JSON object in UTF-8 is expected, each field once, not nested too deep";
        return error_code::bad_message;
    }
    if (message.id_token.size() > max_id_size + 2) {
        message.id_token = {};
        reason = "payload.id is longer than 128 bytes";
    }
    if (!reason.empty()) return error_code::bad_message;
    if (!has_payload) reason = "payload is missing, or no object";
    else if (message.type_token.empty()) reason = "payload.type is missing";
    else if (!reader.unquote(message.type_token, message.type) || !is_type(message.type))
        reason = "payload.type is not 1 to 64 bytes without control characters";
    else if (!decode_key(reader, message)) reason = "payload.key is longer than 128 bytes";
    return reason.empty() ? error_code::none : error_code::bad_message;
}

}  // namespace

error_code decode_client_message(json_reader& reader, std::string_view body, client_message& message,
                                 std::string_view& reason) {
    message = {};
    const error_code error = decode_message(reader, body, message, reason);
    reader.give_text(message.text);
    return error;
}

error_code decode_builtin(json_reader& reader, std::string_view data, builtin_command& command) {
    command = {};
    const bool well_formed = reader.start(data) && reader.object([&](std::string_view key) {
        if (key != "command") return reader.skip();
        return reader.object([&](std::string_view field) {
            if (field == "type") return reader.string(command.type);
            if (field == "old") return reader.string(command.old_password);
            if (field == "new") return reader.string(command.new_password);
            if (field == "token") return reader.string(command.token);
            return reader.skip();
        });
    });
    reader.give_text(command.text);
    return well_formed && !command.type.empty() ? error_code::none : error_code::unknown_command;
}

std::size_t delivery_size(std::string_view type_token, std::string_view data, std::string_view id_token) noexcept {
    std::size_t size = frame_header_size + delivery_begin.size() + type_token.size() + delivery_data.size() +
                       data.size() + payload_end.size();
    if (!id_token.empty()) size += delivery_id.size() + id_token.size();
    return size;
}

char* write_delivery(char* out, std::string_view type_token, std::string_view data,
                     std::string_view id_token) noexcept {
    out = write_frame_length(out, delivery_size(type_token, data, id_token) - frame_header_size);
    out = copy(out, delivery_begin);
    out = copy(out, type_token);
    out = copy(out, delivery_data);
    out = copy(out, data);
    if (!id_token.empty()) {
        out = copy(out, delivery_id);
        out = copy(out, id_token);
    }
    return copy(out, payload_end);
}

std::size_t good_status_size(std::string_view id_token) noexcept {
    return frame_header_size + good_begin.size() + id_token.size() + delivered_begin.size() + most_digits +
           payload_end.size();
}

char* write_good_status(char* out, std::string_view id_token, delivered_count delivered) noexcept {
    char* const begin = out;
    out = copy(out + frame_header_size, good_begin);
    out = copy(out, id_token);
    if (delivered) {
        out = copy(out, delivered_begin);
        out = std::to_chars(out, out + most_digits, *delivered).ptr;
    }
    out = copy(out, payload_end);
    write_frame_length(begin, static_cast<std::size_t>(out - begin) - frame_header_size);
    return out;
}

status_error as_status_error(error_code code) noexcept { return as_status_error(code, describe(code).meaning); }

status_error as_status_error(error_code code, std::string_view reason) noexcept {
    const error_row& row = describe(code);
    return {row.text, reason, row.temporary};
}

std::string bad_status_frame(std::string_view id_token, const status_error& error, delivered_count delivered) {
    constexpr std::size_t fixed_parts = 192;
    std::string frame;
    frame.reserve(fixed_parts + error.code.size() + error.reason.size() + id_token.size());
    frame.assign(frame_header_size, '\0');
    frame += R"({"header":{"messageType":"statusReport","status":"bad","error":{"code":)";
    append_quoted(frame, error.code);
    frame += R"(,"reason":)";
    append_quoted(frame, error.reason);
    frame += error.temporary ? R"(,"temporary":true)" : R"(,"temporary":false)";
    if (error.retry_after_ms != 0) frame += R"(,"retry_after_ms":)" + std::to_string(error.retry_after_ms);
    frame += R"(}},"payload":{"id":)";
    frame += id_token;
    if (delivered) frame.append(delivered_begin).append(std::to_string(*delivered));
    frame += payload_end;
    write_frame_length(frame.data(), frame.size() - frame_header_size);
    return frame;
}

std::string authenticated_frame(std::string_view user) {
    std::string body{good_begin};
    body.append(authentication_id).append(R"(,"user":)");
    append_quoted(body, user);
    body += payload_end;
    return make_frame(body);
}

std::string reconnect_notice_frame(std::uint64_t after_ms) {
    return make_frame(R"({"header":{"messageType":"notice","notice":"reconnect"},"payload":{"after":)" +
                      std::to_string(after_ms) + "}}");
}

std::string token_notice_frame(std::uint64_t after_ms) {
    return make_frame(R"({"header":{"messageType":"notice","notice":"token_expires"},"payload":{"after":)" +
                      std::to_string(after_ms) + "}}");
}

std::string make_frame(std::string_view body) {
    std::string frame(frame_header_size, '\0');
    write_frame_length(frame.data(), body.size());
    return frame.append(body);
}

}  // namespace bester::wire
