#include "web/http_request_decoder.hpp"

#include <algorithm>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/parser.hpp>
#include <charconv>

#include "web/http_target.hpp"
#include "web/tokens.hpp"

namespace bester::web {

namespace {

namespace http = boost::beast::http;

struct verdict {
    http_status error = http_status::none;
    std::string_view reason = {};
};

constexpr verdict fine{};

std::string_view as_std(boost::beast::string_view text) noexcept { return {text.data(), text.size()}; }

/// Is `c`, which follows the others, what no head can hold? Looked at as it comes, so that whoever speaks
/// something else (TLS, our own frames) hears so at once.
bool is_out_of_place(std::string_view before, char c) noexcept {
    const char last = before.empty() ? '\0' : before.back();
    if (last == '\r' && c != '\n') return true;
    if (before.empty()) return !is_token({&c, 1});  // the method
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') return last != '\r';
    if (c == ' ' || c == '\t') return last == '\n';  // a folded line, which some readers treat as a header of its own
    if (c == '\r') return false;
    return byte < 0x20 || byte == 0x7f;
}

/// Returns whether this is HTTP of another version, such as "GET / HTTP/2.0".
bool is_other_version(std::string_view head) noexcept {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    if (line.size() < 9) return false;
    const std::string_view version = line.substr(line.size() - 9);
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    return version.starts_with(" HTTP/") && is_digit(version[6]) && version[7] == '.' && is_digit(version[8]) &&
           version != " HTTP/1.1" && version != " HTTP/1.0";
}

verdict why_refused(boost::beast::error_code error, std::string_view head) {
    if (error == http::error::bad_version && is_other_version(head))
        return {http_status::version_not_supported, "HTTP/1.1 is spoken here"};
    if (error == http::error::bad_transfer_encoding || error == http::error::bad_content_length)
        return {http_status::bad_request, "the length of the body is not clear"};
    if (error == http::error::header_limit) return {http_status::header_too_large, "the head is too large"};
    return {http_status::bad_request, "not a request of HTTP/1.1"};
}

bool is_host(std::string_view host) noexcept {
    return std::ranges::all_of(
               host,
               [](char c) {
                   return is_token({&c, 1}) || std::string_view{":[](),;="}.find(c) != std::string_view::npos;
               }) &&
           host.find(',') == std::string_view::npos;
}

verdict check_host(const http_request& request) {
    const std::size_t hosts = request.count("Host");
    if (hosts > 1) return {http_status::bad_request, "more than one Host"};
    if (hosts == 0 && request.minor_version > 0) return {http_status::bad_request, "no Host"};
    if (!is_host(request.header("Host"))) return {http_status::bad_request, "Host is not a host"};
    return fine;
}

/// Returns whether the end of the body is ambiguous.
verdict check_length(const http_request& request) {
    const std::size_t lengths = request.count("Content-Length");
    const bool is_encoded = request.count("Transfer-Encoding") > 0;
    if (lengths > 1 || (lengths > 0 && is_encoded) || (is_encoded && request.minor_version == 0))
        return {http_status::bad_request, "the length of the body is not clear"};
    if (is_encoded) return {http_status::not_implemented, "requests here have no body"};
    const std::string_view length = request.header("Content-Length");
    if (length.find_first_not_of("0123456789") != std::string_view::npos)
        return {http_status::bad_request, "Content-Length is not a number"};
    return fine;
}

/// Checks the body of a POST on a path that accepts one.
verdict measure_body(http_request& request, std::size_t most) {
    if (request.count("Content-Length") == 0) return {http_status::length_required, "a POST says how long it is"};
    const std::string_view length = request.header("Content-Length");
    const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), request.body_size);
    if (error == std::errc::result_out_of_range || request.body_size > most)
        return {http_status::payload_too_large, "the body is too large"};
    if (error != std::errc{} || end != length.data() + length.size())
        return {http_status::bad_request, "Content-Length is not a number"};
    // "100 Continue" is never sent; RFC 9110, 10.1.1 requires that or a final answer at once.
    if (request.body_size > 0 && request.minor_version > 0 && request.count("Expect") > 0)
        return {http_status::expectation_failed, "send the body at once"};
    return fine;
}

/// Other methods than GET and HEAD are for paths that accept them.
verdict check_method(http::verb method, bool is_path, const http_limits& limits, http_request& request) {
    const bool is_taken = (method == http::verb::post || method == http::verb::options) && is_path &&
                          limits.takes_body && limits.takes_body(request.path);
    if (is_taken && method == http::verb::post) {
        request.method = http_method::post;
        return measure_body(request, limits.most_body ? limits.most_body(request) : limits.body_size);
    }
    if (request.header("Content-Length").find_first_not_of('0') != std::string_view::npos)
        return {http_status::payload_too_large, "requests here have no body"};
    if (method == http::verb::unknown) return {http_status::not_implemented, "an unknown method"};
    if (is_taken) {
        request.method = http_method::options;
    } else if (method == http::verb::head) {
        request.method = http_method::head;
        request.is_head = true;
    } else if (method != http::verb::get) {
        return {http_status::method_not_allowed, "only GET and HEAD are served"};
    }
    return fine;
}

/// Runs Beast's parser over one whole head.
verdict parse(std::string_view head, const http_limits& limits, http_request& request) {
    http::request_parser<http::empty_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(head.size()));
    parser.skip(true);  // the checks below decide about bodies
    boost::beast::error_code error;
    parser.put(boost::asio::const_buffer{head.data(), head.size()}, error);
    if (error) return why_refused(error, head);
    if (!parser.is_header_done()) return {http_status::bad_request, "not a request of HTTP/1.1"};

    const auto& message = parser.get();
    request = {};
    request.minor_version = static_cast<int>(message.version()) % 10;
    request.keep_alive = message.keep_alive();
    for (const auto& field : message) {
        if (request.headers.size() == limits.headers) return {http_status::header_too_large, "too many headers"};
        request.headers.push_back({std::string{as_std(field.name_string())}, std::string{as_std(field.value())}});
    }
    for (const auto check : {check_host, check_length})
        if (const verdict result = check(request); result.error != http_status::none) return result;

    const bool is_path = split_target(as_std(message.target()), request.path, request.query);
    if (const verdict result = check_method(message.method(), is_path, limits, request);
        result.error != http_status::none)
        return result;
    return is_path ? fine : verdict{http_status::bad_request, "the path is not acceptable"};
}

}  // namespace

http_found http_request_decoder::decode(std::string_view bytes, http_request& request) {
    if (failure_.status == http_decode_status::failed) return failure_;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (head_.size() == limits_.head_size) {
            return head_.find('\n') == std::string::npos ? fail(http_status::uri_too_long, "the first line is too long")
                                                         : fail(http_status::header_too_large, "the head is too large");
        }
        if (is_out_of_place(head_, bytes[i])) return fail(http_status::bad_request, "not a request of HTTP/1.1");
        head_ += bytes[i];
        if (bytes[i] != '\n' || !head_.ends_with("\r\n\r\n")) continue;
        const verdict result = parse(head_, limits_, request);
        if (result.error != http_status::none) return fail(result.error, result.reason);
        head_ = {};
        return {http_decode_status::complete, i + 1, http_status::none, {}};
    }
    return {http_decode_status::need_more, bytes.size(), http_status::none, {}};
}

http_found http_request_decoder::fail(http_status error, std::string_view reason) {
    head_ = {};
    return failure_ = {http_decode_status::failed, 0, error, reason};
}

}  // namespace bester::web
