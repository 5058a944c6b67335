#include "clients/websocket/web_form.hpp"

#include <cstring>

#include "web/websocket_frame.hpp"

namespace bester::clients {

namespace {

constexpr std::string_view before_type = R"("payload":{"type":)";
constexpr std::string_view before_data = R"(,"data":)";

/// Returns the size of the JSON string, with its quotes, at the beginning of `text`.
std::size_t string_size(std::string_view text) noexcept {
    std::size_t i = 1;
    while (i < text.size() && text[i] != '"') i += text[i] == '\\' ? 2 : 1;
    return i + 1;
}

void append_code_point(std::string& out, std::uint32_t c) {
    const auto byte = [&](std::uint32_t bits) { out += static_cast<char>(bits); };
    if (c < 0x80) return byte(c);
    if (c < 0x800) {
        byte(0xc0 | (c >> 6));
    } else {
        if (c < 0x10000) {
            byte(0xe0 | (c >> 12));
        } else {
            byte(0xf0 | (c >> 18));
            byte(0x80 | ((c >> 12) & 0x3f));
        }
        byte(0x80 | ((c >> 6) & 0x3f));
    }
    byte(0x80 | (c & 0x3f));
}

std::uint32_t hex4(std::string_view digits) noexcept {
    std::uint32_t value = 0;
    for (const char c : digits.substr(0, 4)) {
        const auto digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
        value = value << 4 | static_cast<std::uint32_t>(digit);
    }
    return value;
}

/// Decodes one \u escape, or the pair of a character beyond the basic plane; returns its length. Half a pair becomes
/// U+FFFD, since a text frame must be UTF-8.
std::size_t append_escaped(std::string& out, std::string_view text) {
    const std::uint32_t first = hex4(text.substr(2));
    const bool is_high = first >= 0xd800 && first < 0xdc00;
    if (is_high && text.size() >= 12 && text[6] == '\\' && text[7] == 'u') {
        const std::uint32_t second = hex4(text.substr(8));
        if (second >= 0xdc00 && second < 0xe000) {
            append_code_point(out, 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00));
            return 12;
        }
    }
    append_code_point(out, first >= 0xd800 && first < 0xe000 ? 0xfffd : first);
    return 6;
}

char unescaped(char c) noexcept {
    switch (c) {
        case 'b': return '\b';
        case 'f': return '\f';
        case 'n': return '\n';
        case 'r': return '\r';
        case 't': return '\t';
        default: return c;
    }
}

}  // namespace

std::string_view type_of_delivery(std::string_view body) noexcept {
    const std::string_view from_type = body.substr(body.find(before_type) + before_type.size());
    return from_type.substr(0, string_size(from_type));
}

std::string_view data_of_delivery(std::string_view body) noexcept {
    const std::string_view from_type = body.substr(body.find(before_type) + before_type.size());
    const std::string_view from_data = from_type.substr(string_size(from_type) + before_data.size());
    return from_data.substr(0, from_data.size() - 2);  // }}
}

std::string_view text_of(std::string_view data, std::string& room) {
    if (data.size() < 2 || data.front() != '"') return data;
    const std::string_view text = data.substr(1, data.size() - 2);
    std::size_t at = text.find('\\');
    if (at == std::string_view::npos) return text;
    room.assign(text.substr(0, at));
    while (at < text.size()) {
        if (text[at] != '\\') {
            const std::size_t end = std::min(text.find('\\', at), text.size());
            room.append(text.substr(at, end - at));
            at = end;
        } else if (text[at + 1] == 'u') {
            at += append_escaped(room, text.substr(at));
        } else {
            room += unescaped(text[at + 1]);
            at += 2;
        }
    }
    return room;
}

std::size_t make_websocket_frame(char* room, std::size_t frame_size) noexcept {
    const std::size_t body_size = frame_size - 4;
    const std::size_t header_size = web::frame_header_size(body_size);
    if (header_size != 4) std::memmove(room + header_size, room + 4, body_size);
    web::write_frame_header(room, web::opcode::text, body_size);
    return header_size + body_size;
}

const exchange::payload& shared_web_forms::of(const exchange::payload& frame, web_form form) {
    made& last = last_[static_cast<std::size_t>(form)];
    if (last.from && last.from.data() == frame.data()) return last.frame;
    std::string_view body = body_of(frame.view());
    if (form != web_form::protocol) body = data_of_delivery(body);
    if (form == web_form::bound_text) body = text_of(body, room_);
    last.frame = exchange::payload::of_size(web::frame_header_size(body.size()) + body.size());
    char* const after = web::write_frame_header(last.frame.data(), web::opcode::text, body.size());
    std::memcpy(after, body.data(), body.size());
    last.from = frame;
    return last.frame;
}

}  // namespace bester::clients
