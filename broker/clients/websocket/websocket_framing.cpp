#include "clients/websocket/websocket_framing.hpp"

namespace bester::clients {

using exchange::framing_status;
using web::websocket_status;

exchange::framed websocket_framing::decode(std::string_view bytes) {
    if (!bytes.empty()) events_.heard();
    std::size_t consumed = 0;
    for (;;) {
        const web::websocket_found found = decoder_.decode(bytes.substr(consumed));
        consumed += found.consumed;
        switch (found.status) {
            case websocket_status::need_more: return {framing_status::need_more, bytes.size(), {}};
            case websocket_status::message:
                is_binary_ = found.is_binary;
                return {framing_status::complete, consumed, found.body};
            case websocket_status::ping: events_.on_ping(found.body); break;
            case websocket_status::pong: events_.on_pong(); break;
            case websocket_status::close:
            case websocket_status::failed:
                events_.on_websocket_end(found.code, found.body, found.status == websocket_status::failed);
                return {framing_status::need_more, bytes.size(), {}};
        }
    }
}

}  // namespace bester::clients
