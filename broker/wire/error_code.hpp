#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace bester::wire {

/// The broker's own error codes. Their texts are stable: statuses, logs, metrics and docs use them.
/// Each has one row in error_code.cpp, from which proto-docs/errors.md is made.
enum class error_code : std::uint8_t {
    none,
    bad_frame,
    bad_message,
    too_large,
    authentication_required,
    authentication_failed,
    authentication_unsupported,
    authentication_timeout,
    token_invalid,
    token_expired,
    token_not_yet_valid,
    token_wrong_issuer,
    token_wrong_audience,
    login_throttled,
    too_many_connections,
    too_many_from_address,
    too_many_sessions,
    session_expired,
    forbidden,
    unknown_command,
    no_handler,
    unknown_namespace,
    handler_unavailable,
    handler_refused,
    handler_failed,
    handler_timeout,
    busy,
    slow_consumer,
    frame_timeout,
    input_overload,
    disconnected,
    account_changed,
    shutting_down,
    recipient_offline,
    too_many_recipients,
    too_many_groups,
    command_forbidden,
    rate_limited,
    peer_unknown,
    peer_unreachable,
    peer_refused,
    peer_expired,
    handler_unknown,
    too_many_hops,
    bad_command,
    no_sender,
    bad_query,
    bad_hello,
    protocol_mismatch,
    bad_token,
    not_permitted,
    shard_taken,
    instances_full,
    protocol_error,
    internal_error,
};

/// The party that caused an error, and so can mend it.
enum class fault : std::uint8_t { nobody, client, handler, admin, broker };

/// One row of the table of errors.
struct error_row {
    error_code code;
    std::string_view text;  ///< the text of `error.code`
    fault whose;
    bool temporary;            ///< whether it makes sense to try the same again
    std::string_view meaning;  ///< for people; also the default reason
};

/// All rows, in the order of the enum, `none` first.
std::span<const error_row> error_table() noexcept;

/// Returns the row of a code.
const error_row& describe(error_code code) noexcept;

std::string_view to_string(fault whose) noexcept;

/// The program that makes a code which no broker sends.
enum class local_maker : std::uint8_t { client_library, handler_library, control_socket, user_command, ca_command };

/// One row of the table of such codes: of the C++ libraries, the control socket and the commands.
struct local_error_row {
    std::string_view text;
    local_maker maker;  ///< the first of those that make it
    fault whose;
    bool temporary;
    std::string_view meaning;
};

std::span<const local_error_row> local_error_table() noexcept;

/// Returns whether the handler library answers with this code where the handler itself has not: it failed, or said
/// nothing.
bool means_no_answer(std::string_view code) noexcept;

std::string_view to_string(local_maker maker) noexcept;

}  // namespace bester::wire
