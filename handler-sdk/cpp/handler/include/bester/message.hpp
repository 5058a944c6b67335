#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <bester/raw_json.hpp>
#include <bester/refusal.hpp>

namespace bester {

/// What a `message` is made of. For tests of your own that call your function directly; in a
/// running handler the SDK fills it. All views must outlive the message.
struct message_fields {
    std::uint64_t id = 0;
    unsigned shard = 0;
    std::string_view type;
    std::string_view key;
    std::string_view user;
    std::string_view session;
    std::string_view server;
    std::string_view handler;        ///< set instead of user and session: a handler's own sendHandler
    std::string_view roles = "[]";   ///< a JSON array of strings
    std::string_view claims = "{}";  ///< a JSON object
    std::string_view data = "null";  ///< JSON text
    bool is_request = false;
    std::uint64_t time_ms = 0;  ///< since 1970, UTC
    std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
};

/// One message that a client (or another handler) sent. It and all its views point into the
/// receive buffer: they live until your function returns, so it cannot be copied; take what you
/// need as strings or JSON, and a `responder` to answer later. Only for the thread of `run()`.
/// proto-docs/handler.md, "Messages and answers".
class message {
public:
    explicit message(const message_fields& fields) noexcept : fields_{fields} {}
    message(const message&) = delete;
    message& operator=(const message&) = delete;

    /// The type that the client gave it; which handler gets it depends on it.
    std::string_view type() const noexcept { return fields_.type; }
    /// The routing key that it was given; what has the same key comes to the same instance. Empty: none.
    std::string_view key() const noexcept { return fields_.key; }
    /// The sender's user name. Empty if a handler sent the message unasked.
    std::string_view user() const noexcept { return fields_.user; }
    std::string_view session() const noexcept { return fields_.session; }
    /// The server that it was sent on.
    std::string_view server() const noexcept { return fields_.server; }
    /// The handler that sent it, if no client did.
    std::string_view from_handler() const noexcept { return fields_.handler; }
    /// The sender's roles and claims, from its token or a log-in handler.
    std::vector<std::string> roles() const;
    bool has_role(std::string_view role) const;
    /// What the sender's token says of it, as far as the broker's config passes it on: an object.
    nlohmann::json claims() const;

    /// Does the sender wait for the outcome?
    bool is_request() const noexcept { return fields_.is_request; }
    /// When the broker read it.
    std::chrono::system_clock::time_point time() const noexcept;
    /// After this the sender has been told `handler_timeout` and an answer is ignored.
    std::chrono::steady_clock::time_point deadline() const noexcept { return fields_.deadline; }
    /// Names the message on its shard's channel until it is answered.
    std::uint64_t id() const noexcept { return fields_.id; }
    unsigned shard() const noexcept { return fields_.shard; }

    /// The letter, byte for byte as the client wrote it, to be passed on: `reply(m.raw())`. `raw().text()` is its text.
    raw_json raw() const noexcept { return raw_json{fields_.data}; }
    /// The letter as JSON tree. Parses at each call.
    nlohmann::json data() const;
    /// The letter as your own type (nlohmann's `from_json`). Throws `refusal{"bad_data", …}`, which
    /// tells the sender what is wrong with it, if it cannot be read as one.
    template <class Type>
    Type get() const {
        try {
            return data().get<Type>();
        } catch (const nlohmann::json::exception& mistake) {
            throw refusal{"bad_data", mistake.what()};
        }
    }

private:
    message_fields fields_;
};

}  // namespace bester
