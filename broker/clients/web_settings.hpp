#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace bester::clients {

enum class authentication_method;

/// The form of a path's text frames; `socketio`: packets of Engine.IO, whose events are messages.
enum class bound_frames { json, text, socketio };

/// One path on which a listener takes WebSockets.
struct web_path {
    std::string name;  ///< "/ws"
    std::string type;  ///< bound: the type of the messages whose data the frames are; empty: client protocol
    bound_frames frames = bound_frames::json;
    std::vector<std::string> origins{"self"};  ///< rules of web::is_origin_allowed
    std::vector<std::string> subprotocols;
    std::vector<authentication_method> authentication;  ///< empty: the listener's
    bool compression = false;                           ///< permessage-deflate, for clients that offer it

    std::map<std::string, std::string> namespaces;       ///< socketio: the type of each namespace
    std::chrono::milliseconds recovery{0};               ///< socketio: how long a session outlives its connection
    std::size_t recovery_bytes = std::size_t{64} << 10;  ///< bytes of deliveries that are kept for a session

    bool operator==(const web_path&) const = default;
};

/// The settings of a listener for HTTP and WebSockets, beside its paths.
struct web_settings {
    std::vector<web_path> paths;
    std::string files;                              ///< folder that is served over HTTP; empty: none
    std::size_t file_size = std::size_t{16} << 20;  ///< the largest file that is served
    std::size_t head_size = std::size_t{8} << 10;   ///< the largest head of a request
    std::string cache_control = "no-cache";         ///< of files

    bool operator==(const web_settings&) const = default;
};

}  // namespace bester::clients
