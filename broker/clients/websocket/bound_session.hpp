#pragma once

#include <string>
#include <string_view>

#include "clients/session/client_session.hpp"
#include "clients/websocket/web_form.hpp"
#include "clients/websocket/websocket_side.hpp"

namespace bester::clients {

/// A session on a bound path of a WebSocket: each text frame is the data of a message of the path's type, or of a
/// delivery, and nothing else is written. The client logs in with its request; a message that fails is told by the end
/// of the connection.
class bound_session final : public client_session, private websocket_side {
public:
    bound_session(shard_clients& owner, connection_parts& from, const websocket_upgrade& how);

    void begin(std::string_view received, const websocket_upgrade& how);

    bool deliver(std::string_view type_token, std::string_view data, std::string_view id_token) override;
    bool deliver(const exchange::payload& frame) override;
    void message_done(const exchange::envelope_view& message, const wire::status_error* error) override;
    void notify_reconnect(std::uint64_t) override {}
    std::string_view path() const noexcept override { return path_.name; }
    std::string_view query() const noexcept override { return query_; }
    void apply_limits() override { set_message_limit(message_limit()); }
    void end_now() override;

private:
    const std::vector<authentication_method>& methods() const noexcept override;
    exchange::frame_verdict on_frame(std::string_view body) override;
    exchange::frame_verdict handle(const wire::client_message& message, bool is_first) override;
    void log_in_with(const websocket_upgrade& how);
    void fail_with(const wire::status_error& error);
    void login_refused(const wire::status_error& error) override;
    void warn_of_expiry(std::uint64_t) override {}
    void on_message_refused(const wire::client_message& message, const wire::status_error& error) override;
    void say_goodbye(const wire::status_error& why, web::close_code code) override;
    void finish(exchange::close_reason reason) override;
    void detach() override;

    const web_form form_;
    web::close_code failure_code_ = web::close_code::none;
    std::string type_token_;
    std::string failure_;  ///< code of the last refusal, which the close frame tells
};

}  // namespace bester::clients
