#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bester::web {

/// Why a WebSocket was closed (RFC 6455, section 7.4, and IANA's registry). Other codes, up to 4999, come from clients
/// and are values of this type, too.
enum class close_code : std::uint16_t {
    none = 0,  ///< no error; never sent
    normal = 1000,
    going_away = 1001,
    protocol_error = 1002,
    unsupported_data = 1003,
    no_status = 1005,        ///< never sent: the close frame had no code
    connection_lost = 1006,  ///< never sent: there was no close frame
    invalid_data = 1007,     ///< text that is not UTF-8, data that cannot be decompressed
    policy_violation = 1008,
    message_too_large = 1009,
    extension_missing = 1010,
    internal_error = 1011,
    service_restart = 1012,
    try_again_later = 1013,
    bad_gateway = 1014,
};

/// "protocol_error"; "application" for 3000 to 4999, "unknown" for the rest.
std::string_view to_string(close_code code) noexcept;

/// Returns whether a close frame may carry the code.
bool may_be_sent(close_code code) noexcept;

/// Returns a close frame of a server. The reason is cut to 123 bytes between two characters, and left out if it is not
/// UTF-8; with `no_status` or another code that may not be sent the frame is empty.
std::string make_close_frame(close_code code, std::string_view reason);

}  // namespace bester::web
