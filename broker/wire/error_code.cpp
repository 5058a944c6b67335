#include "wire/error_code.hpp"

#include <algorithm>
#include <array>

namespace bester::wire {

namespace {

using enum error_code;

constexpr std::array rows{
    error_row{none, "none", fault::nobody, false, "no error"},
    error_row{bad_frame, "bad_frame", fault::client, false,
              "the length before the JSON is less than 2; framing is lost, so the connection is closed"},
    error_row{bad_message, "bad_message", fault::client, false,
              "the frame is not well-formed JSON in UTF-8, or lacks what a message must have"},
    error_row{
        too_large, "too_large", fault::client, false,
        "larger than the limit: a frame of more than `limits.message_size` bytes (the connection is closed), or data "
        "that do not fit into a frame of the handler's `message_size`"},
    error_row{authentication_required, "authentication_required", fault::client, false,
              "the first message says nothing of who you are, and this listener takes no anonymous sessions"},
    error_row{authentication_failed, "authentication_failed", fault::client, false,
              "there is no such user, or the password is wrong"},
    error_row{authentication_unsupported, "authentication_unsupported", fault::client, false,
              "this listener does not take this kind of authentication"},
    error_row{authentication_timeout, "authentication_timeout", fault::client, false, "no first message came in time"},
    error_row{token_invalid, "token_invalid", fault::client, false,
              "the token is not of the right form, not signed by a key that is trusted here, or lacks a claim"},
    error_row{token_expired, "token_expired", fault::client, false, "the token has expired; get a fresh one"},
    error_row{token_not_yet_valid, "token_not_yet_valid", fault::client, true,
              "the token is not valid yet; if it should be, the clocks are apart"},
    error_row{token_wrong_issuer, "token_wrong_issuer", fault::client, false,
              "the token was issued by somebody who is not trusted here"},
    error_row{token_wrong_audience, "token_wrong_audience", fault::client, false,
              "the token is meant for another service"},
    error_row{login_throttled, "login_throttled", fault::client, true,
              "too many log-ins of this user or from this address failed; wait before the next"},
    error_row{too_many_connections, "too_many_connections", fault::admin, true,
              "the broker has as many connections as it may have"},
    error_row{too_many_from_address, "too_many_from_address", fault::client, true,
              "there are as many connections from this address as there may be"},
    error_row{too_many_sessions, "too_many_sessions", fault::client, true,
              "this user has as many sessions as one may have"},
    error_row{session_expired, "session_expired", fault::client, true,
              "the token that this session began with has expired; connect with a fresh one"},
    error_row{
        forbidden, "forbidden", fault::client, false,
        "this user may not send messages of this type (the config's `permissions`), or not use the control socket"},
    error_row{unknown_command, "unknown_command", fault::client, false, "there is no such command"},
    error_row{no_handler, "no_handler", fault::client, false, "no handler serves this type"},
    error_row{unknown_namespace, "unknown_namespace", fault::client, false,
              "this Socket.IO path has no such namespace"},
    error_row{handler_unavailable, "handler_unavailable", fault::handler, true,
              "the handler is configured, but no instance of it was ready in time"},
    error_row{handler_refused, "handler_refused", fault::handler, false,
              "a one-shot handler answered with a status other than \"0\""},
    error_row{handler_failed, "handler_failed", fault::handler, true,
              "the handler process ended, or answered nonsense, while it held the message"},
    error_row{handler_timeout, "handler_timeout", fault::handler, true,
              "the handler did not answer within the deadline"},
    error_row{busy, "busy", fault::broker, true, "there was no room for the message in time; try again later"},
    error_row{slow_consumer, "slow_consumer", fault::client, true,
              "too much was waiting to be read by this session, so it was closed"},
    error_row{frame_timeout, "frame_timeout", fault::client, true,
              "the first bytes of a frame came and the rest did not follow in time, so the connection was closed"},
    error_row{input_overload, "input_overload", fault::client, true,
              "the broker held too many frames that were not complete, and this connection's share was the largest for "
              "the longest; it was closed"},
    error_row{disconnected, "disconnected", fault::handler, false, "a handler closed this session"},
    error_row{account_changed, "account_changed", fault::admin, false,
              "the account was removed, or its password has been changed"},
    error_row{shutting_down, "shutting_down", fault::admin, true, "the broker is stopping; connect again soon"},
    error_row{recipient_offline, "recipient_offline", fault::nobody, true, "no session of this recipient is connected"},
    error_row{too_many_recipients, "too_many_recipients", fault::handler, false,
              "the command names more recipients than the handler may address at once"},
    error_row{too_many_groups, "too_many_groups", fault::handler, false,
              "the session is in as many groups as it may be"},
    error_row{command_forbidden, "command_forbidden", fault::handler, false,
              "the config does not let this handler do that (the entry's `may`)"},
    error_row{rate_limited, "rate_limited", fault::client, true, "that is more often than the config allows"},
    error_row{peer_unknown, "peer_unknown", fault::handler, false, "there is no peer server of this name"},
    error_row{peer_unreachable, "peer_unreachable", fault::nobody, true,
              "there is no way to that server, or it was lost on the way and what became of the message is unknown"},
    error_row{peer_refused, "peer_refused", fault::admin, false,
              "messages of this type may not go to that server, or are not taken there"},
    error_row{peer_expired, "peer_expired", fault::nobody, true,
              "that server did not answer within the deadline; it may have got the message"},
    error_row{handler_unknown, "handler_unknown", fault::handler, false, "there is no handler of this name"},
    error_row{too_many_hops, "too_many_hops", fault::handler, false,
              "the message was passed on from handler to handler too often"},
    error_row{bad_command, "bad_command", fault::handler, false,
              "the command lacks a field, or has one of a wrong kind"},
    error_row{no_sender, "no_sender", fault::handler, false, "the command needs a sender, and nobody sent this"},
    error_row{bad_query, "bad_query", fault::handler, false, "the query is unknown or lacks a field"},
    error_row{bad_hello, "bad_hello", fault::handler, false,
              "the first frame of a channel is not a valid hello, or names a shard that does not exist"},
    error_row{protocol_mismatch, "protocol_mismatch", fault::handler, false,
              "this version of the handler protocol is not spoken here"},
    error_row{bad_token, "bad_token", fault::handler, false, "the token or key of the hello is not valid"},
    error_row{not_permitted, "not_permitted", fault::handler, false,
              "a process of this user may not attach, or the entry is not started by hand"},
    error_row{shard_taken, "shard_taken", fault::handler, false, "the instance has a channel to this shard already"},
    error_row{instances_full, "instances_full", fault::handler, true, "the handler has all the instances it may have"},
    error_row{protocol_error, "protocol_error", fault::handler, false,
              "a frame on the channel was not understood; the instance counts as failed"},
    error_row{internal_error, "internal_error", fault::broker, true, "the broker made a mistake; please report it"},
};

constexpr std::array local_rows{
    local_error_row{"unreachable", local_maker::client_library, fault::nobody, true,
                    "nobody answers at that address; is the broker running?"},
    local_error_row{"connection_lost", local_maker::client_library, fault::nobody, true,
                    "the connection ended, or there was none, before an answer came; what was sent may have been done"},
    local_error_row{"timeout", local_maker::client_library, fault::nobody, true,
                    "no answer came in time; what was sent may still be done"},
    local_error_row{"bad_endpoint", local_maker::client_library, fault::client, false,
                    "the address is not one of those that the client takes"},
    local_error_row{"tls_failed", local_maker::client_library, fault::admin, false,
                    "no TLS with the broker: a certificate or a key cannot be read, or is not accepted"},
    local_error_row{"bad_data", local_maker::client_library, fault::client, false,
                    "the data are no JSON, or not what the handler takes"},
    local_error_row{"receive_queue_full", local_maker::client_library, fault::client, true,
                    "more was received than the program fetched, so the client closed the connection"},
    local_error_row{"unspecified", local_maker::client_library, fault::broker, false,
                    "the broker gave no reason, as the original daemon does"},
    local_error_row{"unknown_type", local_maker::handler_library, fault::handler, false,
                    "the handler has no function for messages of this type"},
    local_error_row{"handler_exception", local_maker::handler_library, fault::handler, false,
                    "the handler's function threw; the log says what"},
    local_error_row{"handler_gave_no_answer", local_maker::handler_library, fault::handler, false,
                    "the handler dropped the message without an answer"},
    local_error_row{"answer_too_large", local_maker::handler_library, fault::handler, false,
                    "the handler's answer is larger than its `message_size`"},
    local_error_row{"too_many_reports", local_maker::handler_library, fault::handler, true,
                    "too many commands of the handler wait for their report; the oldest is given up"},
    local_error_row{"too_many_queries", local_maker::handler_library, fault::handler, true,
                    "too many queries of the handler wait for their result; the oldest is given up"},
    local_error_row{"bad_result", local_maker::handler_library, fault::broker, false,
                    "the broker's result of a query lacks a field; is it of another version?"},
    local_error_row{"bad_request", local_maker::control_socket, fault::admin, false,
                    "the request to the control socket lacks a member, or has one of a wrong kind"},
    local_error_row{"unknown_request", local_maker::control_socket, fault::admin, false,
                    "there is no such request or action"},
    local_error_row{"config_invalid", local_maker::control_socket, fault::admin, false,
                    "the config has mistakes; the reason holds all of them"},
    local_error_row{"needs_restart", local_maker::control_socket, fault::admin, false,
                    "the config changes what only a restart can; the reason names it"},
    local_error_row{"refused", local_maker::control_socket, fault::admin, true,
                    "the broker cannot do it now; the reason says why"},
    local_error_row{"user_exists", local_maker::user_command, fault::admin, false,
                    "there is a user of this name already"},
    local_error_row{"user_unknown", local_maker::user_command, fault::admin, false, "there is no user of this name"},
    local_error_row{"bad_user_name", local_maker::user_command, fault::admin, false,
                    "a user name has 1 to 64 of letters, digits, `-`, `_`, `.`, `+`"},
    local_error_row{"bad_password", local_maker::user_command, fault::admin, false,
                    "the password is empty, or too long"},
    local_error_row{"wrong_password", local_maker::user_command, fault::client, false, "the old password is wrong"},
    local_error_row{"database_unavailable", local_maker::user_command, fault::admin, false,
                    "the account database is missing, locked, damaged, or may not be written"},
    local_error_row{"hashing_failed", local_maker::user_command, fault::admin, false,
                    "there is not enough memory for the configured cost of a password, or a stored one is damaged"},
    local_error_row{"file_missing", local_maker::ca_command, fault::admin, false, "there is no such file"},
    local_error_row{"file_unreadable", local_maker::ca_command, fault::admin, false, "the file cannot be read"},
    local_error_row{"file_exists", local_maker::ca_command, fault::admin, false,
                    "the file is there already and is not overwritten"},
    local_error_row{"file_not_written", local_maker::ca_command, fault::admin, false, "the file cannot be written"},
    local_error_row{"not_a_certificate", local_maker::ca_command, fault::admin, false, "the file holds no certificate"},
    local_error_row{"not_a_key", local_maker::ca_command, fault::admin, false, "the file holds no private key"},
    local_error_row{"key_exposed", local_maker::ca_command, fault::admin, false,
                    "others than owner and group may read the key, or the group may write it"},
    local_error_row{"key_mismatch", local_maker::ca_command, fault::admin, false,
                    "the key does not belong to the certificate"},
    local_error_row{"certificate_expired", local_maker::ca_command, fault::admin, false, "the certificate has expired"},
    local_error_row{"certificate_not_yet_valid", local_maker::ca_command, fault::admin, false,
                    "the certificate is not valid yet; is the clock right?"},
    local_error_row{"certificate_unfit", local_maker::ca_command, fault::admin, false,
                    "the certificate is too weak, or not made for this use"},
    local_error_row{"not_an_authority", local_maker::ca_command, fault::admin, false,
                    "the certificate is none of an authority"},
    local_error_row{"wrong_authority", local_maker::ca_command, fault::admin, false,
                    "the certificate was issued by another authority"},
    local_error_row{"bad_name", local_maker::ca_command, fault::admin, false,
                    "a name has 1 to 64 of letters, digits, `-`, `_`, `.`"},
    local_error_row{"bad_setting", local_maker::ca_command, fault::admin, false, "a setting of TLS is wrong"},
    local_error_row{"crypto_failed", local_maker::ca_command, fault::admin, false,
                    "OpenSSL failed; the reason is its own"},
};

constexpr bool in_order() {
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (rows[i].code != static_cast<error_code>(i)) return false;
    return rows.size() == static_cast<std::size_t>(internal_error) + 1;
}
static_assert(in_order(), "one row for each code, in the order of the enum");

}  // namespace

std::span<const error_row> error_table() noexcept { return rows; }

const error_row& describe(error_code code) noexcept { return rows[static_cast<std::size_t>(code)]; }

std::span<const local_error_row> local_error_table() noexcept { return local_rows; }

bool means_no_answer(std::string_view code) noexcept {
    return std::any_of(local_rows.begin(), local_rows.end(), [&](const local_error_row& row) {
        return row.maker == local_maker::handler_library && row.text == code;
    });
}

std::string_view to_string(local_maker maker) noexcept {
    switch (maker) {
        case local_maker::client_library: return "client library";
        case local_maker::handler_library: return "handler library";
        case local_maker::control_socket: return "control socket";
        case local_maker::user_command: return "`bester user`";
        case local_maker::ca_command: return "`bester ca`";
    }
    return "";
}

std::string_view to_string(fault whose) noexcept {
    switch (whose) {
        case fault::nobody: return "nobody";
        case fault::client: return "client";
        case fault::handler: return "handler";
        case fault::admin: return "admin";
        case fault::broker: return "broker";
    }
    return "";
}

}  // namespace bester::wire
