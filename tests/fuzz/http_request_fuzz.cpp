// A head of HTTP gives the same wherever it is cut, and what is understood of it is what a service may
// rely on. What asks for a WebSocket is answered; PROXY headers are read, too.
#include <algorithm>
#include <string>
#include <vector>

#include "fuzz_input.hpp"
#include "web/http_request_decoder.hpp"
#include "web/http_target.hpp"
#include "web/proxy_header.hpp"
#include "web/static_files.hpp"
#include "web/utf8.hpp"
#include "web/websocket_handshake.hpp"

namespace {

using namespace bester::web;

constexpr std::size_t most_body = 1'000;

bool takes_body(std::string_view path) { return path.starts_with("/p"); }

struct outcome {
    http_decode_status status = http_decode_status::need_more;
    http_status error = http_status::none;
    std::size_t consumed = 0;
    http_request request;
};

/// `next_size` says how large each piece is; it lies in a block of exactly that size.
template <class NextSize>
outcome decode(std::string_view text, NextSize&& next_size) {
    http_limits limits;
    limits.body_size = most_body;
    limits.takes_body = takes_body;
    http_request_decoder decoder{limits};
    outcome result;
    while (!text.empty() && result.status == http_decode_status::need_more) {
        const std::size_t size = std::clamp<std::size_t>(next_size(), 1, text.size());
        const std::vector<char> piece{text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size)};
        const http_found found = decoder.decode({piece.data(), piece.size()}, result.request);
        result.status = found.status;
        result.error = found.error;
        require(found.consumed <= size);
        result.consumed = found.status == http_decode_status::failed ? 0 : result.consumed + found.consumed;
        text.remove_prefix(size);
    }
    return result;
}

/// What the body is, is said once, in digits, and bounded.
void check_body(const http_request& request) {
    require(request.count("Content-Length") <= 1 && request.body_size <= most_body);
    if (request.method != http_method::post) {
        require(request.body_size == 0 &&
                request.header("Content-Length").find_first_not_of('0') == std::string_view::npos);
        return;
    }
    const std::string_view length = request.header("Content-Length");
    require(!length.empty() && length.find_first_not_of("0123456789") == std::string_view::npos);
    require(std::stoull(std::string{length}) == request.body_size);
}

void check_request(const http_request& request, std::string_view head) {
    require(head.ends_with("\r\n\r\n"));
    constexpr std::string_view begins[] = {"GET /", "HEAD /", "POST /", "OPTIONS /"};
    require(head.starts_with(begins[static_cast<std::size_t>(request.method)]));
    require(request.is_head == (request.method == http_method::head));
    require(request.method == http_method::get || request.is_head || takes_body(request.path));
    check_body(request);
    require(request.path.starts_with('/') && is_utf8(request.path));
    require((request.path + '/').find("/../") == std::string::npos);
    require(request.path.find_first_of(std::string_view{"\0\r\n\\", 4}) == std::string::npos);
    require(request.headers.size() <= 64 && request.count("Host") <= 1 && request.count("Transfer-Encoding") == 0);
    for (const http_header& each : request.headers)
        require(!each.name.empty() &&
                (each.name + each.value).find_first_of(std::string_view{"\0\r\n", 3}) == std::string::npos);

    if (const auto file = file_for(request.path))
        require(!file->starts_with('/') && !file->starts_with('.') && file->find("/.") == std::string::npos);
    std::string path;
    std::string query;
    require(split_target(percent_encode_path(request.path), path, query) && path == request.path);
    const auto from = forwarded_for(request.joined("X-Forwarded-For"),
                                    [](std::string_view address) { return address == "127.0.0.1"; });
    require(!from || normal_address(*from) == from);

    const handshake_answer answer =
        answer_handshake(request, {{"self", "https://*.example.org"}, {"texto", "bester"}, true});
    require(answer.response.starts_with("HTTP/1.1 ") && answer.is_accepted() == (answer.reason.empty()));
    // Nothing of the request gets into the answer but what is ours.
    if (answer.is_accepted()) {
        require(answer.response.ends_with("\r\n\r\n") &&
                answer.response.find("\r\n\r\n") == answer.response.size() - 4);
        require(answer.subprotocol.empty() || answer.subprotocol == "texto" || answer.subprotocol == "bester");
    }
}

void check_proxy_header(std::string_view text) {
    proxy_source whole_source;
    proxy_header_decoder whole;
    const proxy_found expected = whole.decode(text, whole_source);
    require(expected.consumed <= text.size());
    proxy_source source;
    proxy_header_decoder decoder;
    proxy_found found;
    std::size_t at = 0;
    while (at < text.size() && found.status == proxy_status::need_more)
        found = decoder.decode(text.substr(at++, 1), source);
    require(found.status == expected.status);
    if (found.status != proxy_status::complete) return;
    require(at == expected.consumed && at <= 536 && source.address == whole_source.address &&
            source.port == whole_source.port);
    require(source.address.empty() || normal_address(source.address) == source.address);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view input = as_text(data, size);
    if (input.empty()) return 0;
    const std::string_view text = input.substr(1);
    const outcome whole = decode(text, [&] { return text.size(); });
    const std::size_t step = 1 + static_cast<unsigned char>(input[0]) % 40;
    for (const std::size_t piece : {std::size_t{1}, step}) {
        const outcome cut = decode(text, [&] { return piece; });
        require(cut.status == whole.status && cut.error == whole.error && cut.consumed == whole.consumed);
        require(cut.request.path == whole.request.path && cut.request.query == whole.request.query);
        require(cut.request.method == whole.request.method && cut.request.body_size == whole.request.body_size);
    }
    if (whole.status == http_decode_status::complete) check_request(whole.request, text.substr(0, whole.consumed));
    check_proxy_header(text);
    return 0;
}
