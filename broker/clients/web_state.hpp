#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "clients/web_form.hpp"
#include "clients/web_settings.hpp"

namespace bester::clients {

class engine_session;

/// A request of Engine.IO that has been given to its session, wherever that is.
struct polled_request {
    std::string sid;
    std::uint64_t ticket = 0;
};

/// What a session has that came over HTTP.
struct web_state {
    const web_path* path = nullptr;  ///< the listener's; null: requests are still read
    web_form form = web_form::protocol;
    bool is_compressed = false;
    bool is_pinged = false;  ///< and has not answered
    bool has_ended = false;  ///< the close frame is written
    std::string type_token;  ///< of a bound path
    std::string query;
    std::string failure;              ///< code of the last refusal, which the close frame tells on a bound path
    std::uint64_t last_heard_ms = 0;  ///< shard clock
    std::size_t index = 0;            ///< in shard_clients' list

    engine_session* engine = nullptr;        ///< that this WebSocket carries; null: none
    std::unique_ptr<polled_request> polled;  ///< that waits for its answer

    bool is_bound() const noexcept { return form != web_form::protocol; }
};

}  // namespace bester::clients
