#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "wire/error_code.hpp"
#include "wire/frame.hpp"

namespace bester::wire {

class json_reader;

/// Ids of status reports that answer no message of the client. proto-docs/client.md, "Status reports".
inline constexpr std::string_view authentication_id = "\"auth_special\"";
inline constexpr std::string_view error_id = "\"error_special\"";
inline constexpr std::string_view close_id = "\"close_special\"";

enum class credentials_kind : std::uint8_t { none, password, token, unknown };

/// The parts of a client's message that the broker reads. All views point into the frame's body or into `text`.
struct client_message {
    client_message() = default;
    client_message(client_message&&) = default;
    client_message& operator=(client_message&&) = default;

    std::string_view type;        ///< unescaped
    std::string_view type_token;  ///< as it stands, with quotes
    std::string_view id_token;    ///< as it stands, with quotes; empty if there is none
    std::string_view key_token;   ///< the routing key as it stands, with quotes; empty if there is none
    std::uint64_t key_hash = 0;   ///< of the routing key without escapes; 0 if there is none
    std::string_view data;        ///< the bytes of the value; "null" if there is none
    std::string_view scope;       ///< empty if there is none
    credentials_kind credentials = credentials_kind::none;
    std::string_view user;
    std::string_view password;
    std::string_view token;
    std::string_view authentication;  ///< the bytes of the value; empty if there is none
    std::string text;                 ///< of all strings that had escapes, these undone
};

/// Reads one client frame's body (json_padding readable bytes after it). Returns none, or
/// bad_message; then `reason` says what is wrong and `message.id_token` may still be set.
error_code decode_client_message(json_reader& reader, std::string_view body, client_message& message,
                                 std::string_view& reason);

/// A built-in command: the `data` of a message of type `builtin`. proto-docs/client.md. Views point into that data or
/// into `text`.
struct builtin_command {
    builtin_command() = default;
    builtin_command(builtin_command&&) = default;
    builtin_command& operator=(builtin_command&&) = default;

    std::string_view type;
    std::string_view old_password;
    std::string_view new_password;
    std::string_view token;
    std::string text;  ///< of all strings that had escapes, these undone
};

/// Reads the data of a `builtin` message, which may have been copied: it needs its own padding.
error_code decode_builtin(json_reader& reader, std::string_view data, builtin_command& command);

/// Size of the frame that write_delivery writes. `id_token` is empty unless it answers a request.
std::size_t delivery_size(std::string_view type_token, std::string_view data, std::string_view id_token) noexcept;
/// Writes a delivery as a whole frame at `out`; returns its end.
char* write_delivery(char* out, std::string_view type_token, std::string_view data, std::string_view id_token) noexcept;

/// How many sessions a message was handed to, if its commands addressed any.
using delivered_count = std::optional<std::uint64_t>;

/// Room that write_good_status needs at most.
std::size_t good_status_size(std::string_view id_token) noexcept;
/// Writes a good status report as a whole frame at `out`; returns its end.
char* write_good_status(char* out, std::string_view id_token, delivered_count delivered) noexcept;

/// What a bad status says.
struct status_error {
    std::string_view code;
    std::string_view reason;
    bool temporary = false;
    std::uint64_t retry_after_ms = 0;  ///< 0: that is not said
};
status_error as_status_error(error_code code) noexcept;
status_error as_status_error(error_code code, std::string_view reason) noexcept;

/// A bad status report as a whole frame. (Errors are not on the hot path.)
std::string bad_status_frame(std::string_view id_token, const status_error& error, delivered_count delivered = {});

/// The good answer to the first message.
std::string authenticated_frame(std::string_view user);

/// The notice that asks the client to connect again after so many milliseconds.
std::string reconnect_notice_frame(std::uint64_t after_ms);

/// The notice that the token of this session expires in so many milliseconds.
std::string token_notice_frame(std::uint64_t after_ms);

/// Puts the length before a body.
std::string make_frame(std::string_view body);

}  // namespace bester::wire
