#include "web/static_files.hpp"

#include <algorithm>

#include "web/content_type.hpp"
#include "web/http_target.hpp"
#include "web/tokens.hpp"

namespace bester::web {

namespace {

std::string hex(std::uint64_t number) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    do {
        text.insert(text.begin(), digits[number & 15]);
        number >>= 4;
    } while (number != 0);
    return text;
}

std::string_view connection_header(const http_request& request) noexcept {
    return request.keep_alive ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
}

}  // namespace

std::optional<std::string> file_for(std::string_view path) {
    if (!path.starts_with('/')) return std::nullopt;
    path.remove_prefix(1);
    std::string file{path};
    if (path.empty() || path.ends_with('/')) file += "index.html";
    for (std::size_t begin = 0; begin <= file.size();) {
        const std::size_t end = std::min(file.find('/', begin), file.size());
        if (end == begin || file[begin] == '.') return std::nullopt;
        begin = end + 1;
    }
    if (file.find_first_of(std::string_view{"\0\\", 2}) != std::string::npos) return std::nullopt;
    return file;
}

std::string etag_for(const file_version& version) {
    return '"' + hex(version.size) + '-' + hex(static_cast<std::uint64_t>(version.modified_ns)) + '"';
}

bool has_tag(std::string_view if_none_match, std::string_view etag) noexcept {
    if (trim(if_none_match) == "*") return true;
    bool is_there = false;
    for_each_element(if_none_match, [&](std::string_view each) {
        if (each.starts_with("W/")) each.remove_prefix(2);
        is_there |= each == etag;
    });
    return is_there;
}

file_answer answer_file(const http_request& request, std::string_view file_name, const file_version& version,
                        std::string_view cache_control) {
    file_answer answer;
    const std::string etag = etag_for(version);
    if (has_tag(request.joined("If-None-Match"), etag)) answer.status = http_status::not_modified;
    answer.head = status_line(answer.status);
    answer.head += "ETag: " + etag + "\r\nCache-Control: ";
    (answer.head += cache_control) += "\r\n";
    answer.head += connection_header(request);
    if (answer.status == http_status::ok) {
        (answer.head += "Content-Type: ") += content_type(file_name);
        answer.head +=
            "\r\nX-Content-Type-Options: nosniff\r\nContent-Length: " + std::to_string(version.size) + "\r\n";
        answer.sends_body = !request.is_head && version.size != 0;
    }
    answer.head += "\r\n";
    return answer;
}

std::string redirect_to_folder(const http_request& request) {
    std::string response = status_line(http_status::permanent_redirect);
    response += "Location: " + percent_encode_path(request.path) + '/';
    if (!request.query.empty()) response += '?' + request.query;
    response += "\r\n";
    response += connection_header(request);
    return response += "Content-Length: 0\r\n\r\n";
}

}  // namespace bester::web
