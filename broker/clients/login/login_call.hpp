#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "access/token_verifier.hpp"
#include "exchange/session.hpp"
#include "exchange/shard.hpp"

namespace bester::clients {

/// The reason why a log-in handler did not let the client in.
struct login_denial {
    std::string code;
    std::string reason;
    bool temporary = false;
    bool is_verdict = false;  ///< the handler refused the credentials; false: it could not decide
};

/// Asks a handler to decide on a log-in: a message without a sender, whose reply has user, roles and claims. It is a
/// session that is found by its id only, so that the answer comes like any other. On its shard's thread.
class login_call final : public exchange::session {
public:
    using decision = tl::expected<access::token_identity, login_denial>;

    explicit login_call(exchange::shard& shard);
    ~login_call();
    login_call(const login_call&) = delete;
    login_call& operator=(const login_call&) = delete;

    /// Sends the message. `done` is called exactly once, perhaps before this returns, but not after the object is
    /// destroyed.
    /// `share` is a number of the client's address, or 0: in the handler's queue, addresses take turns.
    void ask(std::string_view type, std::string_view data, std::uint64_t share, std::function<void(decision)> done);

    bool deliver(std::string_view type_token, std::string_view data, std::string_view id_token) override;
    bool deliver(const exchange::payload&) override { return false; }
    void message_done(const exchange::envelope_view& message, const wire::status_error* error) override;
    bool takes_from_servers() override { return false; }
    void disconnect(const wire::status_error& why) override;

private:
    void finish(decision outcome);

    exchange::shard& shard_;
    std::string reply_;
    std::function<void(decision)> done_;
};

/// Reads a handler's reply: `{"user":"tina","roles":["a"],"claims":{},"expires":1700000000}`, only the user is
/// required.
login_call::decision read_login_reply(std::string_view data);

}  // namespace bester::clients
