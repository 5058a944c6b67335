#pragma once

#include <string_view>

#include "clients/session/protocol_session.hpp"
#include "clients/websocket/websocket_side.hpp"

namespace bester::clients {

/// A session whose client speaks the client protocol in the text frames of a WebSocket, without length words.
class websocket_session final : public protocol_session, private websocket_side {
public:
    websocket_session(shard_clients& owner, connection_parts& from, const websocket_upgrade& how);

    void begin(std::string_view received, const websocket_upgrade& how);

    bool deliver(std::string_view type_token, std::string_view data, std::string_view id_token) override;
    bool deliver(const exchange::payload& frame) override;
    void message_done(const exchange::envelope_view& message, const wire::status_error* error) override;
    std::string_view path() const noexcept override { return path_.name; }
    std::string_view query() const noexcept override { return query_; }
    void apply_limits() override { set_message_limit(message_limit()); }

private:
    friend class protocol_session;

    const std::vector<authentication_method>& methods() const noexcept override;
    void send_frame(std::string_view frame) override;
    void send_good(std::string_view id_token, wire::delivered_count delivered) override;
    void say_goodbye(const wire::status_error& why, web::close_code code) override;
    void finish(exchange::close_reason reason) override;
    void tell_failure(web::close_code code, std::string_view reason) override;
    void detach() override;
};

}  // namespace bester::clients
