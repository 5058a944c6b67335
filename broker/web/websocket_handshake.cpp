#include "web/websocket_handshake.hpp"

#include <openssl/evp.h>
#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>

#include "web/deflate.hpp"
#include "web/origin_rule.hpp"
#include "web/tokens.hpp"

namespace bester::web {

namespace {

constexpr std::string_view deflate_name = "permessage-deflate";

/// Base64 of 16 bytes: 22 digits and the padding, the last digit with four bits unused.
bool is_key(std::string_view key) noexcept {
    if (key.size() != 24 || !key.ends_with("==")) return false;
    const auto is_digit = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
    };
    return std::ranges::all_of(key.substr(0, 22), is_digit) &&
           std::string_view{"AQgw"}.find(key[21]) != std::string_view::npos;
}

/// A number of window bits, quoted or not.
std::optional<int> window_bits(std::string_view value) noexcept {
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    if (value == "8" || value == "9") return value[0] - '0';
    if (value.size() == 2 && value[0] == '1' && value[1] >= '0' && value[1] <= '5') return 10 + value[1] - '0';
    return std::nullopt;
}

/// Returns the answer to one offer of permessage-deflate, without its name; nullopt if the offer is not acceptable.
std::optional<std::string> accept_deflate(std::string_view parameters) {
    std::string answer{deflate_name};
    answer += "; server_no_context_takeover; client_no_context_takeover";
    std::vector<std::string> seen;
    while (!parameters.empty()) {
        std::string_view value = take_element(parameters, ';');
        const bool has_value = value.find('=') != std::string_view::npos;
        const std::string_view name = take_element(value, '=');
        for (const std::string& other : seen)
            if (is_same_word(other, name)) return std::nullopt;
        seen.emplace_back(name);
        if (is_same_word(name, "server_no_context_takeover") || is_same_word(name, "client_no_context_takeover")) {
            if (has_value) return std::nullopt;
        } else if (is_same_word(name, "client_max_window_bits")) {
            if (has_value && !window_bits(value)) return std::nullopt;
        } else if (is_same_word(name, "server_max_window_bits")) {
            const auto bits = window_bits(value);
            if (!bits || *bits < deflate_window_bits) return std::nullopt;
            answer += "; server_max_window_bits=" + std::to_string(deflate_window_bits);
        } else {
            return std::nullopt;
        }
    }
    return answer;
}

/// Finds the first acceptable offer; returns false if the header is not a list of extensions.
bool choose_extension(std::string_view offers, std::string& chosen) {
    while (!offers.empty()) {
        std::string_view offer = take_element(offers, ',');
        if (offer.empty()) continue;
        const std::string_view name = take_element(offer, ';');
        if (!is_token(name)) return false;
        if (!chosen.empty() || !is_same_word(name, deflate_name)) continue;
        if (auto accepted = accept_deflate(offer)) chosen = std::move(*accepted);
    }
    return true;
}

/// Returns false if the header is not a list of names, each of them once.
bool choose_subprotocol(std::string_view offers, const std::vector<std::string>& ours, std::string& chosen) {
    std::vector<std::string_view> seen;
    bool is_good = true;
    for_each_element(offers, [&](std::string_view offer) {
        is_good &= is_token(offer) && std::ranges::find(seen, offer) == seen.end();
        seen.push_back(offer);
        if (chosen.empty() && std::ranges::find(ours, offer) != ours.end()) chosen = offer;
    });
    return is_good && !seen.empty();
}

handshake_answer refuse(const http_request& request, http_status status, std::string_view reason) {
    handshake_answer answer;
    answer.status = status;
    answer.reason = reason;
    answer.response = error_response(status, reason, request.is_head);
    return answer;
}

}  // namespace

std::string accept_for(std::string_view key) {
    std::string text{key};
    text += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1)
        throw std::runtime_error{"OpenSSL gives no SHA-1, which RFC 6455 needs for its handshake"};
    std::array<unsigned char, 4 * ((EVP_MAX_MD_SIZE + 2) / 3) + 1> base64{};
    const int length = EVP_EncodeBlock(base64.data(), digest.data(), static_cast<int>(size));
    return {reinterpret_cast<const char*>(base64.data()), static_cast<std::size_t>(length)};
}

bool asks_for_websocket(const http_request& request) noexcept {
    return std::ranges::any_of(request.headers, [](const http_header& each) {
        return is_same_word(each.name, "Upgrade") && has_element(each.value, "websocket");
    });
}

handshake_answer answer_handshake(const http_request& request, const websocket_rules& rules) {
    const auto refusal = [&](http_status status, std::string_view reason) { return refuse(request, status, reason); };
    if (request.method != http_method::get)
        return refusal(http_status::method_not_allowed, "a WebSocket is opened with GET");
    if (!asks_for_websocket(request)) return refusal(http_status::upgrade_required, "here is a WebSocket");
    if (request.minor_version < 1) return refusal(http_status::bad_request, "a WebSocket needs HTTP/1.1");
    if (!has_element(request.joined("Connection"), "upgrade"))
        return refusal(http_status::bad_request, "Connection does not say Upgrade");
    if (request.count("Sec-WebSocket-Version") > 1 || request.count("Sec-WebSocket-Key") > 1 ||
        request.count("Origin") > 1)
        return refusal(http_status::bad_request, "a header of the handshake comes twice");
    if (request.header("Sec-WebSocket-Version") != "13")
        return refusal(http_status::upgrade_required, "version 13 of the WebSocket protocol is spoken here");
    if (!is_key(request.header("Sec-WebSocket-Key")))
        return refusal(http_status::bad_request, "Sec-WebSocket-Key is not base64 of 16 bytes");
    if (request.count("Origin") > 0 &&
        !is_origin_allowed(request.header("Origin"), {request.header("Host"), rules.is_tls}, rules.origins))
        return refusal(http_status::forbidden, "this origin is not allowed");

    handshake_answer answer;
    if (request.count("Sec-WebSocket-Protocol") > 0 &&
        !choose_subprotocol(request.joined("Sec-WebSocket-Protocol"), rules.subprotocols, answer.subprotocol))
        return refusal(http_status::bad_request, "Sec-WebSocket-Protocol is not a list of names");
    std::string extension;
    if (!choose_extension(request.joined("Sec-WebSocket-Extensions"), extension))
        return refusal(http_status::bad_request, "Sec-WebSocket-Extensions is not a list of extensions");
    answer.is_compressed = rules.allows_compression && !extension.empty();

    answer.response = status_line(http_status::switching_protocols);
    answer.response += "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ";
    answer.response += accept_for(request.header("Sec-WebSocket-Key")) + "\r\n";
    if (!answer.subprotocol.empty()) answer.response += "Sec-WebSocket-Protocol: " + answer.subprotocol + "\r\n";
    if (answer.is_compressed) answer.response += "Sec-WebSocket-Extensions: " + extension + "\r\n";
    answer.response += "\r\n";
    return answer;
}

}  // namespace bester::web
