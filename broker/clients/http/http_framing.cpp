#include "clients/http/http_framing.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace bester::clients {

using exchange::framed;
using exchange::framing_status;

framed http_framing::decode(std::string_view bytes) {
    if (std::exchange(is_again_, false)) return {framing_status::complete, 0, body_.view()};
    if (missing_ != 0) return take_body(bytes, 0);
    release_body();
    const web::http_found found = decoder_.decode(bytes, arrival_.request);
    switch (found.status) {
        case web::http_decode_status::need_more: return {framing_status::need_more, bytes.size(), {}};
        case web::http_decode_status::complete:
            missing_ = arrival_.request.body_size;
            if (missing_ == 0) return {framing_status::complete, found.consumed, {}};
            return take_body(bytes.substr(found.consumed), found.consumed);
        case web::http_decode_status::failed: break;
    }
    arrival_.error = found.error;
    arrival_.reason = found.reason;
    return {framing_status::complete, bytes.size(), {}};
}

/// `bytes` follow `head_size` that were consumed before them. What comes after the body is the next request's.
framed http_framing::take_body(std::string_view bytes, std::size_t head_size) {
    const std::size_t taken = std::min(bytes.size(), missing_);
    if (taken != 0) std::memcpy(body_.extend(taken), bytes.data(), taken);
    missing_ -= taken;
    return {missing_ == 0 ? framing_status::complete : framing_status::need_more, head_size + taken, body_.view()};
}

}  // namespace bester::clients
