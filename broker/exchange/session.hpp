#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/envelope.hpp"
#include "exchange/payload.hpp"
#include "exchange/session_id.hpp"
#include "wire/client_codec.hpp"

namespace bester::exchange {

class group;

/// A session's place in a group.
struct membership {
    group* in;
    std::uint32_t index;  ///< among the group's members
};

/// What the exchange needs of an authenticated client. Belongs to one shard, lives in its
/// session_table; everyone else holds the id. Called on the shard's thread only.
class session {
public:
    /// Hands over a message, written for this session alone. `id_token`: of the request that it
    /// answers, or empty. False if it could not be taken; then the session is being closed.
    virtual bool deliver(std::string_view type_token, std::string_view data, std::string_view id_token) = 0;
    /// Hands over a delivery frame that many sessions share.
    virtual bool deliver(const payload& frame) = 0;
    /// May another server's message be handed over? False if as much waits for the client as would be half
    /// of what cuts it off, after what can be written was: so that no server cuts off another one's clients.
    virtual bool takes_from_servers() = 0;
    /// The end of a message of this session: sends the status if one is wanted.
    /// `error` is null if all went well.
    virtual void message_done(const envelope_view& message, const wire::status_error* error) = 0;
    /// Closes the session, telling the client why.
    virtual void disconnect(const wire::status_error& why) = 0;
    /// Of a WebSocket: the path and the query that it was opened with; else empty.
    virtual std::string_view path() const noexcept { return {}; }
    virtual std::string_view query() const noexcept { return {}; }
    /// Of a Socket.IO client: where it is; else empty.
    virtual std::string_view name_space() const noexcept { return {}; }

    session_id id() const noexcept { return id_; }
    const std::string& user() const noexcept { return user_; }

    /// Groups that it is in; null while there are none. For group_table.
    std::unique_ptr<std::vector<membership>> memberships;

protected:
    session() = default;
    ~session() = default;

    session_id id_;
    std::string user_;
};

}  // namespace bester::exchange
