#include "clients/login/request_credentials.hpp"

#include "wire/json_text.hpp"

namespace bester::clients {

std::string request_credentials::json() const {
    std::string text;
    if (kind == wire::credentials_kind::token) {
        text = R"({"token":)";
        wire::append_quoted(text, token);
        text += '}';
    } else if (kind == wire::credentials_kind::password) {
        text = R"({"username":)";
        wire::append_quoted(text, user);
        text += R"(,"password":)";
        wire::append_quoted(text, password);
        text += '}';
    }
    return text;
}

}  // namespace bester::clients
