#pragma once

#include <string>
#include <vector>

#include "clients/web_settings.hpp"

namespace bester::clients {

/// A namespace of a Socket.IO path, ready for use. Shared by all sessions of a shard, immutable.
struct socketio_namespace {
    std::string name;         ///< "/admin"
    std::string type;         ///< of the messages that its events are
    std::string type_token;   ///< with quotes
    std::string event_start;  ///< "42/admin,": what an event's packet begins with
};

/// The namespaces of a path.
std::vector<socketio_namespace> namespaces_of(const web_path& path);

}  // namespace bester::clients
