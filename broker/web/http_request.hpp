#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bester::web {

struct http_header {
    std::string name;
    std::string value;  ///< without surrounding blanks
};

/// The methods that are understood; post and options only where the decoder's owner allows them.
enum class http_method : std::uint8_t { get, head, post, options };

/// The head of an HTTP/1 request as http_request_decoder understood it. A value that owns its texts.
struct http_request {
    http_method method = http_method::get;
    bool is_head = false;       ///< the method is HEAD: the answer has no body
    std::size_t body_size = 0;  ///< bytes that follow the head; only of a POST
    int minor_version = 1;      ///< HTTP/1.x
    bool keep_alive = true;
    std::string path;   ///< percent-decoded, begins with '/', is UTF-8; no "..", '\' or control character
    std::string query;  ///< not decoded, without the '?'
    std::vector<http_header> headers;

    /// Returns the first value of that name, regardless of case; empty if there is none.
    std::string_view header(std::string_view name) const noexcept;
    std::size_t count(std::string_view name) const noexcept;
    /// Returns all values of that name, joined to one list.
    std::string joined(std::string_view name) const;
    /// Returns the bytes of memory that its texts take, roughly.
    std::size_t memory() const noexcept;
};

}  // namespace bester::web
