#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "web/http_request.hpp"
#include "web/http_response.hpp"

namespace bester::web {

/// Returns the file below a root that a decoded path names, relative and without ".": "a/index.html" for "/a/". None
/// for paths with hidden or empty segments. The caller that opens it must still not follow links that lead out of the
/// root (openat2 with RESOLVE_BENEATH).
std::optional<std::string> file_for(std::string_view path);

/// The facts about a file that make its ETag.
struct file_version {
    std::uint64_t size = 0;
    std::int64_t modified_ns = 0;  ///< since 1970

    bool operator==(const file_version&) const = default;
};

/// Returns the ETag with its quotes.
std::string etag_for(const file_version& version);

/// Returns whether the tag is among those of an If-None-Match header. (Weak comparison, RFC 9110, section 13.1.2.)
bool has_tag(std::string_view if_none_match, std::string_view etag) noexcept;

/// The answer with a file: 200, or 304 if the client has it. `sends_body`: `version.size` bytes of the file follow the
/// head.
struct file_answer {
    http_status status = http_status::ok;
    std::string head;
    bool sends_body = false;
};
file_answer answer_file(const http_request& request, std::string_view file_name, const file_version& version,
                        std::string_view cache_control);

/// Returns a whole response for a folder that was requested without the '/' at its end: 308 to the path with one and
/// the same query, so that relative links of its page work.
std::string redirect_to_folder(const http_request& request);

}  // namespace bester::web
