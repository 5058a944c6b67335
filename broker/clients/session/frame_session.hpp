#pragma once

#include <string_view>

#include "clients/session/protocol_session.hpp"

namespace bester::clients {

/// A session whose client speaks the client protocol in frames with length words: over TCP, TLS or a UNIX socket.
class frame_session final : public protocol_session {
public:
    frame_session(shard_clients& owner, connection_parts& from) : protocol_session{owner, from} {}

    bool deliver(std::string_view type_token, std::string_view data, std::string_view id_token) override;
    bool deliver(const exchange::payload& frame) override;
    void message_done(const exchange::envelope_view& message, const wire::status_error* error) override;
    void apply_limits() override;

private:
    friend class protocol_session;

    void send_frame(std::string_view frame) override;
    void send_good(std::string_view id_token, wire::delivered_count delivered) override;
    void say_goodbye(const wire::status_error& why, web::close_code code) override;
    void on_bad_frame(bool is_too_large) override;
};

}  // namespace bester::clients
