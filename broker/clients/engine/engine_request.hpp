#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "clients/client_settings.hpp"
#include "clients/web_settings.hpp"
#include "web/http_response.hpp"

namespace bester::clients {

/// Where an HTTP request waits for its answer: its shard, and the ticket that its connection has there.
struct waiting_request {
    unsigned shard = 0;
    std::uint64_t ticket = 0;

    explicit operator bool() const noexcept { return ticket != 0; }
    bool operator==(const waiting_request&) const = default;
};

/// What an HTTP request of Engine.IO is answered with.
struct engine_answer {
    web::http_status status = web::http_status::ok;
    std::string body;
};

/// What is known of an Engine.IO session from the request that opened it.
struct engine_opening {
    const listener_settings* listener = nullptr;
    const web_path* path = nullptr;
    std::string address;                     ///< of the client
    std::string query;                       ///< as handlers see it
    std::string token;                       ///< from the request; what a CONNECT brings goes first
    std::string certificate;                 ///< whom the client's certificate names; empty: none
    std::uint64_t certificate_until_ms = 0;  ///< since 1970: when that certificate expires

    /// Returns how many bytes it holds besides itself.
    std::size_t held_bytes() const noexcept {
        static const std::size_t room_inside = std::string{}.capacity();
        std::size_t sum = 0;
        for (const std::string* each : {&address, &query, &token, &certificate})
            if (each->capacity() > room_inside) sum += each->capacity();
        return sum;
    }
};

}  // namespace bester::clients
