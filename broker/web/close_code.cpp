#include "web/close_code.hpp"

#include "web/utf8.hpp"
#include "web/websocket_frame.hpp"

namespace bester::web {

std::string_view to_string(close_code code) noexcept {
    switch (code) {
        case close_code::none: return "none";
        case close_code::normal: return "normal";
        case close_code::going_away: return "going_away";
        case close_code::protocol_error: return "protocol_error";
        case close_code::unsupported_data: return "unsupported_data";
        case close_code::no_status: return "no_status";
        case close_code::connection_lost: return "connection_lost";
        case close_code::invalid_data: return "invalid_data";
        case close_code::policy_violation: return "policy_violation";
        case close_code::message_too_large: return "message_too_large";
        case close_code::extension_missing: return "extension_missing";
        case close_code::internal_error: return "internal_error";
        case close_code::service_restart: return "service_restart";
        case close_code::try_again_later: return "try_again_later";
        case close_code::bad_gateway: return "bad_gateway";
    }
    const auto number = static_cast<std::uint16_t>(code);
    return number >= 3000 && number <= 4999 ? "application" : "unknown";
}

bool may_be_sent(close_code code) noexcept {
    const auto number = static_cast<std::uint16_t>(code);
    return (number >= 1000 && number <= 1003) || (number >= 1007 && number <= 1014) ||
           (number >= 3000 && number <= 4999);
}

std::string make_close_frame(close_code code, std::string_view reason) {
    std::string body;
    if (may_be_sent(code)) {
        const auto number = static_cast<std::uint16_t>(code);
        body += static_cast<char>(number >> 8);
        body += static_cast<char>(number & 0xff);
        if (is_utf8(reason)) body += cut_utf8(reason, max_control_size - 2);
    }
    char header[max_frame_header_size];
    std::string frame(header, write_frame_header(header, opcode::close, body.size()));
    return frame += body;
}

}  // namespace bester::web
