#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "access/token_verifier.hpp"
#include "exchange/session.hpp"
#include "exchange/shard.hpp"

namespace bester::clients {

/// Why a handler let nobody in.
struct login_denial {
    std::string code;
    std::string reason;
    bool temporary = false;
    bool is_verdict = false;  ///< the handler looked at the credentials and said no; else it could not
};

/// Asks a handler who somebody is: a message in the name of nobody, whose reply says user, roles and claims. It is
/// a session that only its id leads to, so that the answer finds its way as any other does. On its shard's thread.
class login_call final : public exchange::session {
public:
    using decision = tl::expected<access::token_identity, login_denial>;

    explicit login_call(exchange::shard& shard);
    ~login_call();
    login_call(const login_call&) = delete;
    login_call& operator=(const login_call&) = delete;

    /// Sends the message. `done` is called exactly once, perhaps before this returns; not after the object is gone.
    void ask(std::string_view type, std::string_view data, std::function<void(decision)> done);

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

/// Reads a handler's reply: `{"user":"tina","roles":["a"],"claims":{},"expires":1700000000}`, the user alone is needed.
login_call::decision read_login_reply(std::string_view data);

}  // namespace bester::clients
