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

/// What the exchange needs of an authenticated client. Belongs to one shard and is listed in that shard's
/// session_table; other code holds its id. Called on the shard's thread only.
class session {
public:
    /// Queues a delivery that is for this session alone. `id_token` is the id of the message that it answers, or empty.
    /// Returns false if the delivery was not queued; the session is being closed then.
    virtual bool deliver(std::string_view type_token, std::string_view data, std::string_view id_token) = 0;
    /// Queues a delivery frame that many sessions share; returns false as above.
    virtual bool deliver(const payload& frame) = 0;
    /// Returns whether a message of another server may be delivered: not if more than half of the bytes or frames for
    /// which a client is closed as a slow consumer wait already. So another server cannot make a client's queue
    /// overflow.
    virtual bool takes_from_servers() = 0;
    /// Ends a message of this session: sends its status, if the message has an id. A null `error` means success.
    virtual void message_done(const envelope_view& message, const wire::status_error* error) = 0;
    /// Tells the client `why`, and closes the session.
    virtual void disconnect(const wire::status_error& why) = 0;
    /// The path of the URL with which a WebSocket was opened; empty for other transports.
    virtual std::string_view path() const noexcept { return {}; }
    /// The query of that URL; empty for other transports.
    virtual std::string_view query() const noexcept { return {}; }
    /// The namespace of a Socket.IO session; empty for other transports.
    virtual std::string_view name_space() const noexcept { return {}; }

    session_id id() const noexcept { return id_; }
    const std::string& user() const noexcept { return user_; }

    /// The groups that this session is in; null if there are none. Changed by group_table only.
    std::unique_ptr<std::vector<membership>> memberships;

protected:
    session() = default;
    ~session() = default;

    session_id id_;
    std::string user_;
};

}  // namespace bester::exchange
