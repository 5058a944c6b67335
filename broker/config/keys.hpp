#pragma once

#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "config/broker_config.hpp"
#include "config/key.hpp"

namespace bester::config {

/// An element of `listeners` as it is written: its settings, and the values that only its check needs.
struct listener_entry {
    clients::listener_settings settings;
    bool allow_remote_anonymous = false;
};

/// All keys, in the order of the reference. The check, the JSON Schema, the reference, the effective text with its
/// digest, and the difference for a reload are derived from these tables.
const std::vector<key<broker_config>>& broker_keys();                ///< `server.name`, `log.level`, …
const std::vector<key<clients::web_path>>& path_keys();              ///< of one entry of a listener's `paths`
const std::vector<key<listener_entry>>& listener_keys();             ///< of one element of `listeners`
const std::vector<key<handlers::handler_settings>>& handler_keys();  ///< of one entry of `handlers`
const std::vector<key<peering::peer_settings>>& peer_keys();         ///< of one entry of `peers`

const std::vector<key<token_issuer>>& token_keys();           ///< of one entry of `tokens`
const std::vector<key<permission_entry>>& permission_keys();  ///< of one element of `permissions`

/// The part of broker_keys() that is the section `login`.
std::vector<key<broker_config>> login_keys();

/// The part of broker_keys() that is the section `peering`.
std::vector<key<broker_config>> peering_keys();

/// The purpose of each section; a dot separates levels.
std::string_view section_description(std::string_view section);

template <>
struct enum_words<log_level> {
    static constexpr std::array<std::pair<log_level, std::string_view>, 5> list{{
        {log_level::trace, "trace"},
        {log_level::debug, "debug"},
        {log_level::info, "info"},
        {log_level::warning, "warning"},
        {log_level::error, "error"},
    }};
};

template <>
struct enum_words<clients::transport> {
    static constexpr std::array<std::pair<clients::transport, std::string_view>, 3> list{{
        {clients::transport::tcp, "tcp"},
        {clients::transport::unix_socket, "unix"},
        {clients::transport::websocket, "websocket"},
    }};
};

template <>
struct enum_words<clients::bound_frames> {
    static constexpr std::array<std::pair<clients::bound_frames, std::string_view>, 3> list{{
        {clients::bound_frames::json, "json"},
        {clients::bound_frames::text, "text"},
        {clients::bound_frames::socketio, "socketio"},
    }};
};

template <>
struct enum_words<clients::tls_version> {
    static constexpr std::array<std::pair<clients::tls_version, std::string_view>, 2> list{{
        {clients::tls_version::tls_1_2, "1.2"},
        {clients::tls_version::tls_1_3, "1.3"},
    }};
};

template <>
struct enum_words<clients::client_certificates> {
    static constexpr std::array<std::pair<clients::client_certificates, std::string_view>, 3> list{{
        {clients::client_certificates::none, "none"},
        {clients::client_certificates::optional, "optional"},
        {clients::client_certificates::required, "required"},
    }};
};

template <>
struct enum_words<clients::authentication_method> {
    static constexpr std::array<std::pair<clients::authentication_method, std::string_view>, 5> list{{
        {clients::authentication_method::accounts, "accounts"},
        {clients::authentication_method::anonymous, "anonymous"},
        {clients::authentication_method::jwt, "jwt"},
        {clients::authentication_method::certificate, "certificate"},
        {clients::authentication_method::handler, "handler"},
    }};
};

template <>
struct enum_words<access::token_algorithm> {
    static constexpr std::array<std::pair<access::token_algorithm, std::string_view>, 4> list{{
        {access::token_algorithm::hs256, "HS256"},
        {access::token_algorithm::rs256, "RS256"},
        {access::token_algorithm::es256, "ES256"},
        {access::token_algorithm::eddsa, "EdDSA"},
    }};
};

/// one_shot has no word, since it follows from `socket`.
template <>
struct enum_words<handlers::replace_mode> {
    static constexpr std::array<std::pair<handlers::replace_mode, std::string_view>, 2> list{{
        {handlers::replace_mode::beside, "beside"},
        {handlers::replace_mode::after, "after"},
    }};
};

template <>
struct enum_words<handlers::start_mode> {
    static constexpr std::array<std::pair<handlers::start_mode, std::string_view>, 2> list{{
        {handlers::start_mode::automatic, "auto"},
        {handlers::start_mode::manual, "manual"},
    }};
};

template <>
struct enum_words<handlers::hang_action> {
    static constexpr std::array<std::pair<handlers::hang_action, std::string_view>, 2> list{{
        {handlers::hang_action::restart, "restart"},
        {handlers::hang_action::tell, "tell"},
    }};
};

template <>
struct enum_words<handlers::end_signal> {
    static constexpr std::array<std::pair<handlers::end_signal, std::string_view>, 4> list{{
        {handlers::end_signal::abort, "SIGABRT"},
        {handlers::end_signal::quit, "SIGQUIT"},
        {handlers::end_signal::terminate, "SIGTERM"},
        {handlers::end_signal::kill, "SIGKILL"},
    }};
};

template <>
struct enum_words<peering::link_transport> {
    static constexpr std::array<std::pair<peering::link_transport, std::string_view>, 2> list{{
        {peering::link_transport::tls, "tls"},
        {peering::link_transport::plain, "plain"},
    }};
};

}  // namespace bester::config
