#include "clients/http_framing.hpp"

#include <utility>

namespace bester::clients {

using exchange::framing_status;

exchange::framed http_framing::decode(std::string_view bytes) {
    if (std::exchange(is_again_, false)) return {framing_status::complete, 0, {}};
    const web::http_found found = decoder_.decode(bytes, request_);
    switch (found.status) {
        case web::http_decode_status::need_more: return {framing_status::need_more, bytes.size(), {}};
        case web::http_decode_status::complete: return {framing_status::complete, found.consumed, {}};
        case web::http_decode_status::failed: break;
    }
    refuse_(web::error_response(found.error, found.reason), found.reason);
    return {framing_status::need_more, bytes.size(), {}};
}

}  // namespace bester::clients
