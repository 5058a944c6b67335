#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "clients/session/client_session.hpp"

namespace bester::clients {

/// A session that speaks the client protocol (proto-docs/client.md): messages in, deliveries and statuses out. Derived
/// classes write its JSON to their connection.
class protocol_session : public client_session {
public:
    void notify_reconnect(std::uint64_t after_ms) final;

protected:
    using client_session::client_session;

    /// Writes a frame of wire/client_codec, which begins with a length word.
    virtual void send_frame(std::string_view frame) = 0;
    virtual void send_good(std::string_view id_token, wire::delivered_count delivered) = 0;
    void send_bad(std::string_view id_token, const wire::status_error& error, wire::delivered_count delivered = {});

    /// Ends a message, for message_done() of `self`, whose functions are called directly instead of virtually.
    template <class Self>
    static void finish_message(Self& self, const exchange::envelope_view& message, const wire::status_error* error) {
        self.settle_message();
        const wire::delivered_count delivered =
            message.addressed ? wire::delivered_count{message.delivered} : wire::delivered_count{};
        if (!message.id_token.empty()) {
            if (error) self.send_bad(message.id_token, *error, delivered);
            else self.send_good(message.id_token, delivered);
        }
        if (self.closing_id_ && self.unanswered_ == 0) return self.answer_close();
        self.go_on_answered();
    }

    exchange::frame_verdict on_frame(std::string_view body) final;
    exchange::frame_verdict handle(const wire::client_message& message, bool is_first) final;
    void logged_in() final;
    void login_refused(const wire::status_error& error) final;
    void warn_of_expiry(std::uint64_t left_ms) final;
    void on_message_refused(const wire::client_message& message, const wire::status_error& error) final;

private:
    exchange::frame_verdict take_first(const wire::client_message& message);
    exchange::frame_verdict take_from_server(const wire::client_message& message);
    exchange::frame_verdict dispatch(const wire::client_message& message, bool is_first);
    exchange::frame_verdict run_builtin(const wire::client_message& message);
    exchange::frame_verdict bad_message(const wire::client_message& message, std::string_view reason);
    void change_password(std::string_view id_token, const wire::builtin_command& command);
    void answer_token(std::string_view id_token, std::string_view token);
    void answer_close();
    std::string describe_self() const;

    std::unique_ptr<const std::string> closing_id_;  ///< token of the client's `close`; null: it has sent none
};

}  // namespace bester::clients
