#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "clients/client_settings.hpp"
#include "clients/login/request_credentials.hpp"
#include "clients/web_settings.hpp"
#include "web/http_response.hpp"

namespace bester::clients {

/// An HTTP request that waits for its answer: its shard, and the ticket of its connection there.
struct waiting_request {
    unsigned shard = 0;
    std::uint64_t ticket = 0;

    explicit operator bool() const noexcept { return ticket != 0; }
    bool operator==(const waiting_request&) const = default;
};

/// The answer to an HTTP request of Engine.IO.
struct engine_answer {
    web::http_status status = web::http_status::ok;
    std::string body;
};

/// The facts about an Engine.IO session that come from the request that opened it.
struct engine_opening {
    const listener_settings* listener = nullptr;
    const web_path* path = nullptr;
    std::string address;                     ///< of the client
    std::string query;                       ///< as handlers see it
    request_credentials credentials;         ///< of the request; those in a CONNECT have priority
    std::string certificate;                 ///< user that the client's certificate names; empty: none
    std::uint64_t certificate_until_ms = 0;  ///< since 1970: when that certificate expires

    /// Returns the bytes that it holds outside of the object.
    std::size_t held_bytes() const noexcept {
        static const std::size_t room_inside = std::string{}.capacity();
        std::size_t sum = 0;
        for (const std::string* each :
             {&address, &query, &credentials.token, &credentials.user, &credentials.password, &certificate})
            if (each->capacity() > room_inside) sum += each->capacity();
        return sum;
    }
};

}  // namespace bester::clients
