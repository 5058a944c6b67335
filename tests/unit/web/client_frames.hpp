#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "web/websocket_decoder.hpp"

namespace bester::web::test {

/// What of a client's frame can be otherwise than it must be.
struct frame_form {
    bool is_final = true;
    bool is_masked = true;
    unsigned reserved = 0;      ///< RSV1 is 4
    unsigned length_bytes = 0;  ///< 2, 4 or 10: how the length is written; 0: as it must be
};

/// A frame as a client sends it.
inline std::string client_frame(unsigned kind, std::string_view body, frame_form form = {}) {
    std::string frame(1, static_cast<char>((form.is_final ? 0x80 : 0) | form.reserved << 4 | kind));
    unsigned bytes = form.length_bytes;
    if (bytes == 0) bytes = body.size() <= 125 ? 2 : body.size() <= 0xffff ? 4 : 10;
    const std::size_t first = bytes == 2 ? body.size() : bytes == 4 ? 126 : 127;
    frame += static_cast<char>((form.is_masked ? 0x80 : 0) | first);
    for (unsigned i = bytes - 2; i > 0; --i) frame += static_cast<char>(body.size() >> 8 * (i - 1) & 0xff);
    if (!form.is_masked) return frame.append(body);
    const char mask[4] = {'\x9a', '\x21', '\0', '\xff'};
    frame.append(mask, 4);
    for (std::size_t i = 0; i < body.size(); ++i) frame += static_cast<char>(body[i] ^ mask[i % 4]);
    return frame;
}

inline std::string close_body(unsigned code, std::string_view reason = {}) {
    return std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)}.append(reason);
}

/// "text:hello", "binary:…", "ping:…", "pong:…", "close 1000:…", "failed 1002"
inline std::string in_words(const websocket_found& found) {
    const std::string code = std::to_string(static_cast<unsigned>(found.code));
    const std::string body{found.body};
    switch (found.status) {
        case websocket_status::need_more: return "need more";
        case websocket_status::message: return (found.is_binary ? "binary:" : "text:") + body;
        case websocket_status::ping: return "ping:" + body;
        case websocket_status::pong: return "pong:" + body;
        case websocket_status::close: return "close " + code + ":" + body;
        case websocket_status::failed: return "failed " + code;
    }
    return "?";
}

/// Gives a decoder the pieces, each in a heap block of exactly its size; what it finds, up to a failure.
inline std::vector<std::string> decode_pieces(websocket_decoder& decoder, const std::vector<std::string_view>& pieces) {
    std::vector<std::string> all;
    for (const std::string_view piece : pieces) {
        const std::vector<char> exact{piece.begin(), piece.end()};
        std::string_view rest{exact.data(), exact.size()};
        while (!rest.empty()) {
            const websocket_found found = decoder.decode(rest);
            rest.remove_prefix(found.consumed);
            if (found.status == websocket_status::need_more) break;
            all.push_back(in_words(found));
            if (found.status == websocket_status::failed) return all;
        }
    }
    return all;
}

inline std::vector<std::string> decode_whole(std::string_view stream, const websocket_settings& settings = {}) {
    websocket_pool pool;
    websocket_decoder decoder{pool, settings};
    return decode_pieces(decoder, {stream});
}

}  // namespace bester::web::test
