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
    std::size_t body_size = 0;  ///< limit of a POST's body; a larger one is refused before it is read
    /// Returns whether POST, with a body, and OPTIONS are allowed on this decoded path; empty: on none.
    std::function<bool(std::string_view path)> takes_body = {};
    /// Returns the limit of this request's body; empty: body_size.
    std::function<std::size_t(const http_request& asked)> most_body = {};
};

enum class http_decode_status : std::uint8_t {
    need_more,  ///< all input was consumed; the head is not complete
    complete,
    failed,  ///< send error_response(error, reason) and close; this status is final
};

struct http_found {
    http_decode_status status = http_decode_status::need_more;
    std::size_t consumed = 0;
    http_status error = http_status::none;
    std::string_view reason = {};  ///< reason of a failure, for the log and the answer; static text
};

/// Reads heads of HTTP/1.1 requests (RFC 9112) out of bytes in any pieces, one at a time: bytes after a complete head
/// are not consumed. Boost.Beast parses; additional checks make sure that two readers of a request cannot understand it
/// differently: no bare CR or LF, no folded line, one Host, at most one Content-Length, no Transfer-Encoding, and no
/// body except that of a POST to a path that accepts one. Such a body is not consumed either: request.body_size bytes
/// of it follow the head. Only incomplete heads are kept inside, up to the limit.
///
/// Belongs to one thread; pure.
class http_request_decoder {
public:
    explicit http_request_decoder(http_limits limits = {}) noexcept : limits_{std::move(limits)} {}

    /// `request` is written if the head is complete.
    http_found decode(std::string_view bytes, http_request& request);
    /// Returns whether a part of a head has been received.
    bool has_begun() const noexcept { return !head_.empty(); }
    /// Returns the memory that it holds for that.
    std::size_t held_bytes() const noexcept { return head_.empty() ? 0 : head_.capacity(); }

private:
    http_found fail(http_status error, std::string_view reason);

    http_limits limits_;
    std::string head_;  ///< the part that has come
    http_found failure_;
};

}  // namespace bester::web
