#include "clients/http/credentials_header.hpp"

#include "clients/http/query_text.hpp"
#include "web/tokens.hpp"
#include "wire/base64.hpp"

namespace bester::clients {

namespace {

using wire::credentials_kind;
using wire::error_code;
using result = tl::expected<request_credentials, wire::status_error>;

result refuse(error_code code, std::string_view reason) {
    return tl::make_unexpected(wire::as_status_error(code, reason));
}

result read_token(std::string_view token) {
    if (token.empty()) return refuse(error_code::token_invalid, "the token is empty");
    return request_credentials{.kind = credentials_kind::token, .token = std::string{token}};
}

/// "user:password" (RFC 7617).
result read_password(std::string_view encoded) {
    std::string pair;
    const std::size_t colon = wire::decode_base64(encoded, pair) ? pair.find(':') : std::string::npos;
    if (colon == std::string::npos)
        return refuse(error_code::authentication_failed, "after Basic there is no user:password in base64");
    return request_credentials{
        .kind = credentials_kind::password, .user = pair.substr(0, colon), .password = pair.substr(colon + 1)};
}

}  // namespace

result credentials_of(const web::http_request& request) {
    const std::size_t headers = request.count("Authorization");
    if (headers > 1) return refuse(error_code::authentication_unsupported, "there is more than one Authorization");
    const std::string_view authorization = request.header("Authorization");
    const std::string_view scheme = authorization.substr(0, authorization.find(' '));
    const std::string_view said = web::trim(authorization.substr(scheme.size()));
    if (web::is_same_word(scheme, "Bearer")) return read_token(said);
    if (const auto token = query_field(request.query, "access_token")) return read_token(*token);
    if (headers == 0) return request_credentials{};
    if (web::is_same_word(scheme, "Basic")) return read_password(said);
    return refuse(error_code::authentication_unsupported, "Authorization is neither Bearer nor Basic");
}

}  // namespace bester::clients
