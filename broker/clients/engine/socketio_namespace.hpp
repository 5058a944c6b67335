#pragma once

#include <string>
#include <vector>

#include "clients/web_settings.hpp"

namespace bester::clients {

/// A namespace of a Socket.IO path, ready for use. Shared by all sessions of a shard, immutable.
struct socketio_namespace {
    std::string name;         ///< "/admin"
    std::string type;         ///< type of the messages that its events become
    std::string type_token;   ///< with quotes
    std::string event_start;  ///< "42/admin,": the beginning of an event's packet
};

/// The namespaces of a path.
std::vector<socketio_namespace> namespaces_of(const web_path& path);

}  // namespace bester::clients
