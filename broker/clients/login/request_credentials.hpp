#pragma once

#include <string>

#include "wire/client_codec.hpp"

namespace bester::clients {

/// What an HTTP request says of who sends it.
struct request_credentials {
    wire::credentials_kind kind = wire::credentials_kind::none;  ///< none, token or password
    std::string token{};
    std::string user{};
    std::string password{};

    /// Returns the same as a JSON object, for a handler that decides on the log-in; empty if the kind is none.
    std::string json() const;
};

}  // namespace bester::clients
