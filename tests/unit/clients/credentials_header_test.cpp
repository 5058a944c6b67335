#include "clients/http/credentials_header.hpp"

#include <catch2/catch.hpp>

#include <optional>
#include <string>

using namespace bester::clients;
using bester::wire::credentials_kind;

namespace {

/// What a request with this header (null: none) and this query is taken for: the code of a refusal, or the credentials.
std::string told(const char* authorization, const char* query = "") {
    bester::web::http_request request;
    request.query = query;
    if (authorization) request.headers.push_back({"authorization", authorization});
    const auto found = credentials_of(request);
    if (!found) return std::string{found.error().code};
    switch (found->kind) {
        case credentials_kind::none: return "nobody";
        case credentials_kind::token: return "token " + found->token;
        case credentials_kind::password: return found->user + " with " + found->password;
        default: return "?";
    }
}

}  // namespace

TEST_CASE("credentials: a token comes in a header, or for browsers in the query", "[clients]") {
    CHECK(told("Bearer x.y.z") == "token x.y.z");
    CHECK(told("bearer   x.y.z") == "token x.y.z");
    CHECK(told(nullptr, "a=1&access_token=t") == "token t");
    CHECK(told("Bearer x", "access_token=t") == "token x");
    // A browser adds what it knows for the site; the page said which token.
    CHECK(told("Basic dTpw", "access_token=t") == "token t");
}

TEST_CASE("credentials: a name and a password come in a header", "[clients]") {
    CHECK(told("Basic dTpw") == "u with p");
    CHECK(told("BASIC dTpwOnE=") == "u with p:q");
    CHECK(told("Basic Og==") == " with ");
}

TEST_CASE("credentials: only who says nothing is nobody", "[clients]") {
    CHECK(told(nullptr) == "nobody");
    CHECK(told(nullptr, "room=1") == "nobody");
    CHECK(told("Bearer") == "token_invalid");
    CHECK(told("Bearer ") == "token_invalid");
    CHECK(told("Bearer", "access_token=t") == "token_invalid");
    CHECK(told(nullptr, "access_token=") == "token_invalid");
    CHECK(told(nullptr, "access_token") == "token_invalid");
    CHECK(told("Basic") == "authentication_failed");
    CHECK(told("Basic !!!") == "authentication_failed");
    CHECK(told("Basic dXA=") == "authentication_failed");  // no colon
    CHECK(told("Basic dTpw dTpw") == "authentication_failed");
    CHECK(told("Digest username=\"u\"") == "authentication_unsupported");
    CHECK(told("Bearerx.y.z") == "authentication_unsupported");
    CHECK(told("") == "authentication_unsupported");
    bester::web::http_request twice;
    twice.headers = {{"Authorization", "Bearer x"}, {"Authorization", "Bearer y"}};
    CHECK(credentials_of(twice).error().code == "authentication_unsupported");
}

TEST_CASE("credentials: a handler sees them as JSON", "[clients]") {
    CHECK(request_credentials{}.json().empty());
    CHECK(request_credentials{.kind = credentials_kind::token, .token = "a\"b"}.json() == R"({"token":"a\"b"})");
    CHECK(request_credentials{.kind = credentials_kind::password, .user = "u", .password = "p"}.json() ==
          R"({"username":"u","password":"p"})");
}
