#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "clients/arrival.hpp"
#include "clients/file_reader.hpp"
#include "clients/client_settings.hpp"
#include "clients/login_call.hpp"
#include "clients/login_service.hpp"
#include "clients/session_access.hpp"
#include "exchange/framed_stream.hpp"
#include "exchange/session.hpp"
#include "clients/web_state.hpp"
#include "clients/websocket_framing.hpp"
#include "web/http_request.hpp"
#include "wire/client_codec.hpp"

namespace bester::clients {

class shard_clients;

/// One connection of a client: log-in, then messages in and deliveries and statuses out, as
/// proto-docs/client.md says. Owned by its shard's shard_clients, on that shard's thread.
///
///   first ──credentials──▶ verifying ──good──▶ accepted ──first payload──▶ open
///     └── anonymous, or verified lately ───────────▲
///   open ──`close`──▶ open, reading nothing more ──all answered──▶ leaving
///   any ──▶ leaving (told why, written out) ──▶ closed
class client_session final : public exchange::framed_stream, public exchange::session, private websocket_events {
public:
    client_session(shard_clients& owner, arrival who, const listener_settings& listener, std::uint64_t deadline_ms);

    ~client_session() override;

    /// Starts reading; apart from the constructor, as it may close.
    void begin();

    bool deliver(std::string_view type_token, std::string_view data, std::string_view id_token) override;
    bool deliver(const exchange::payload& frame) override;
    void message_done(const exchange::envelope_view& message, const wire::status_error* error) override;
    void message_left_queue() override;
    void disconnect(const wire::status_error& why) override;
    std::string_view path() const noexcept override;
    std::string_view query() const noexcept override;

    /// The verification that this session asked for has ended.
    void verified(login_result result);
    /// The handler that this session's log-in was given to has answered.
    void decided(login_call::decision outcome);
    /// It was counted among the connections from its address, until it ends.
    void take_place(access::address_place place) { access().place = std::move(place); }
    /// Warns of the end of its token, and ends it when that has come.
    void check_expiry(std::uint64_t wall_ms, std::uint64_t notice_ms);
    /// The change of password that this session asked for has ended.
    void password_changed(std::string_view id_token, login_result result);
    /// Closes it for the broker's own reasons, telling the client the code.
    void end(wire::error_code code, exchange::close_reason reason);
    /// Asks the client to connect again after so many milliseconds.
    void notify_reconnect(std::uint64_t after_ms);
    /// There is memory again: read on.
    void memory_is_free();
    void apply_limits();
    /// The file that its request asked for.
    void file_read(file_reader::result result);
    /// Pings a WebSocket that has been silent; false if it did not answer and is closed.
    bool check_alive(std::uint64_t now_ms, std::uint64_t idle_ms, std::uint64_t timeout_ms);
    /// Its place in shard_clients' list of WebSockets; null: it is none.
    std::size_t* web_index() noexcept { return web_ && web_->path ? &web_->index : nullptr; }
    /// Gives back what the cipher holds for traffic, if there has been none lately.
    bool cool(std::uint64_t now_ms);

    bool is_authenticated() const noexcept { return state_ == state::accepted || state_ == state::open; }
    /// Did it log in with a password?
    bool has_account() const noexcept { return has_account_ && is_authenticated(); }
    bool is_past_login_deadline(std::uint64_t now_ms) const noexcept { return now_ms >= login_deadline_ms_; }
    std::size_t unanswered() const noexcept { return unanswered_; }
    const listener_settings& listener() const noexcept { return listener_; }
    /// Where the client is, as far as is known; a system call if no proxy told it.
    std::string address() const;

    /// Places in shard_clients' lists.
    std::size_t index = 0;
    std::size_t login_index = 0;
    std::uint64_t login_ticket = 0;
    bool is_listed_blocked = false;
    bool is_listed_warm = false;
    bool is_listed_expiring = false;

private:
    enum class state : std::uint8_t { first, verifying, accepted, open, leaving };
    /// Why it is not read; it is when there is no reason left.
    enum hold : std::uint8_t { on_unanswered = 1, on_queue = 2, on_output = 4, on_memory = 8, on_login = 16 };

    exchange::frame_verdict on_frame(std::string_view body) override;
    void on_bad_frame(bool is_too_large) override;
    void on_end_of_input() override;
    void on_closed(exchange::close_reason reason) override;
    void on_blocked() override;
    void on_drained() override;

    exchange::frame_verdict log_in(const wire::client_message& message);
    const std::vector<authentication_method>& methods() const noexcept;
    bool takes(authentication_method method) const noexcept;
    exchange::frame_verdict log_in_with_password(const wire::client_message& message);
    exchange::frame_verdict log_in_with_token(const wire::client_message& message);
    exchange::frame_verdict log_in_with_nothing(const wire::client_message& message);
    exchange::frame_verdict ask_handler(const wire::client_message& message);
    bool must_wait(const access::address_key& from, std::string_view user);
    exchange::frame_verdict take_from_server(const wire::client_message& message);
    exchange::frame_verdict refuse_login(wire::error_code code);
    exchange::frame_verdict refuse_login(const wire::status_error& error);
    void accept(std::string_view user);
    void take_identity(access::token_identity identity);
    session_access& access();
    bool may_send(const wire::client_message& message);
    void change_password(std::string_view id_token, const wire::builtin_command& command);
    void renew_token(std::string_view id_token, std::string_view token);
    std::string describe_self() const;
    exchange::frame_verdict handle(const wire::client_message& message, bool is_first);
    exchange::frame_verdict dispatch(const wire::client_message& message, bool is_first);
    exchange::frame_verdict route(const wire::client_message& message);
    exchange::frame_verdict run_builtin(const wire::client_message& message);
    exchange::frame_verdict bad_message(const wire::client_message& message, std::string_view reason);

    void send_good(std::string_view id_token, wire::delivered_count delivered);
    void send_bad(std::string_view id_token, const wire::status_error& error, wire::delivered_count delivered = {});
    void send_frame(std::string_view frame);
    bool make_room(std::size_t size);
    void overflow();
    bool must_read_first();
    bool is_half_full() const noexcept;
    bool is_behind() const noexcept;
    void leave_exchange();
    exchange::frame_verdict held(hold why);
    void release(hold why);
    void close_if_finished();
    void answer_close();
    void warm_up();

    // HTTP and WebSocket.
    void begin_http();
    const web::http_request& request() const noexcept;
    exchange::frame_verdict on_request();
    exchange::frame_verdict respond_and_close(const std::string& response);
    const web_path* find_path() const noexcept;
    exchange::frame_verdict upgrade();
    bool learn_address();
    exchange::frame_verdict log_in_on_path(const std::string& token, const std::string& basic);
    exchange::frame_verdict ask_for_file();
    exchange::frame_verdict on_bound(std::string_view body);
    void heard() noexcept override;
    void on_ping(std::string_view body) override;
    void on_pong() override;
    void on_websocket_end(web::close_code code, std::string_view reason, bool failed) override;
    bool put_text(std::string_view body);
    bool deliver_on_web(std::string_view type_token, std::string_view data, std::string_view id_token);
    bool deliver_on_web(const exchange::payload& frame);
    void send_good_on_web(std::string_view id_token, wire::delivered_count delivered);
    void send_frame_on_web(std::string_view frame);
    void fail_bound(const wire::status_error& error);
    void end_websocket(web::close_code code, std::string_view reason);
    void say_goodbye(const wire::status_error& why, web::close_code code);
    void finish(exchange::close_reason reason);

    shard_clients& owner_;
    const listener_settings& listener_;
    std::uint64_t login_deadline_ms_;
    std::uint64_t last_traffic_ms_ = 0;              ///< shard clock; of a ciphered session
    std::unique_ptr<session_access> access_;         ///< null while nothing needs it
    std::unique_ptr<const std::string> closing_id_;  ///< token of the client's `close`; null: it has sent none
    std::unique_ptr<web_state> web_;                 ///< null: the transport carries length words
    std::uint32_t unanswered_ = 0;
    state state_ = state::first;
    std::uint8_t held_ = 0;
    bool input_ended_ = false;
    bool has_overflowed_ = false;
    bool has_account_ = false;
    bool is_anonymous_ = false;
};

}  // namespace bester::clients
