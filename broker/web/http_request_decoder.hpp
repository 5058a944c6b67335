#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "web/http_request.hpp"
#include "web/http_response.hpp"

namespace bester::web {

struct http_limits {
    std::size_t head_size = 8 * 1024;
    std::size_t headers = 64;
    std::size_t body_size = 0;  ///< of a POST; a larger one is refused before it is read
    /// Are POST, with a body, and OPTIONS taken on this (decoded) path? Empty: on none.
    std::function<bool(std::string_view path)> takes_body = {};
    /// How large the body of this request may be; empty: body_size.
    std::function<std::size_t(const http_request& asked)> most_body = {};
};

enum class http_decode_status : std::uint8_t {
    need_more,  ///< all was consumed; the head is not complete
    complete,
    failed,  ///< send error_response(error, reason) and close; the decoder stays here
};

struct http_found {
    http_decode_status status = http_decode_status::need_more;
    std::size_t consumed = 0;
    http_status error = http_status::none;
    std::string_view reason = {};  ///< of a failure, for the log and the answer; lives for ever
};

/// Reads heads of HTTP/1.1 requests (RFC 9112) out of bytes in any pieces, one at a time: what follows a
/// complete head is not consumed. Boost.Beast parses; around it stands what keeps two readers of one
/// request from seeing different ones: no bare CR or LF, no folded line, one Host, one Content-Length
/// at the most, no Transfer-Encoding, and no body but that of a POST to a path that takes one. Such a body
/// is not consumed either: request.body_size bytes of it follow the head. Incomplete heads are kept within, up
/// to the limit, and nothing else is.
///
/// Belongs to one thread; pure.
class http_request_decoder {
public:
    explicit http_request_decoder(http_limits limits = {}) noexcept : limits_{std::move(limits)} {}

    /// `request` is written if the head is complete.
    http_found decode(std::string_view bytes, http_request& request);
    /// Has part of a head been received?
    bool has_begun() const noexcept { return !head_.empty(); }
    /// Memory that it holds of that.
    std::size_t held_bytes() const noexcept { return head_.empty() ? 0 : head_.capacity(); }

private:
    http_found fail(http_status error, std::string_view reason);

    http_limits limits_;
    std::string head_;  ///< what has come of it
    http_found failure_;
};

}  // namespace bester::web
