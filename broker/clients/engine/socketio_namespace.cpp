#include "clients/engine/socketio_namespace.hpp"

#include "socketio/packet.hpp"
#include "wire/json_text.hpp"

namespace bester::clients {

std::vector<socketio_namespace> namespaces_of(const web_path& path) {
    std::vector<socketio_namespace> all;
    for (const auto& [name, type] : path.namespaces) {
        socketio_namespace each{name, type, {}, {}};
        wire::append_quoted(each.type_token, type);
        char room[socketio::prefix_room];
        socketio::packet_view event;
        event.name_space = each.name;
        each.event_start.assign(room, socketio::write_prefix(event, room));
        all.push_back(std::move(each));
    }
    return all;
}

}  // namespace bester::clients
