#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "clients/arrival.hpp"
#include "clients/client_settings.hpp"
#include "clients/engine_request.hpp"
#include "clients/file_reader.hpp"
#include "clients/user_session.hpp"
#include "clients/web_state.hpp"
#include "clients/websocket_framing.hpp"
#include "exchange/framed_stream.hpp"
#include "exchange/place_list.hpp"
#include "web/http_request.hpp"
#include "wire/client_codec.hpp"

namespace bester::clients {

class engine_session;
struct moved_connection;

/// One connection of a client: log-in, then messages in and deliveries and statuses out, as
/// proto-docs/client.md says. Owned by its shard's shard_clients, on that shard's thread.
///
///   first ──credentials──▶ verifying ──good──▶ accepted ──first payload──▶ open
///     └── anonymous, or verified lately ───────────▲
///   open ──`close`──▶ open, reading nothing more ──all answered──▶ leaving
///   any ──▶ leaving (told why, written out) ──▶ closed
class client_session final : public exchange::framed_stream, public user_session, private websocket_events {
public:
    client_session(shard_clients& owner, arrival who, const listener_settings& listener, std::uint64_t deadline_ms);

    /// One that comes from another shard.
    client_session(shard_clients& owner, moved_connection& from, std::uint64_t deadline_ms);

    ~client_session();

    /// Starts reading; apart from the constructor, as it may close.
    void begin();

    bool deliver(std::string_view type_token, std::string_view data, std::string_view id_token) override;
    bool deliver(const exchange::payload& frame) override;
    void message_done(const exchange::envelope_view& message, const wire::status_error* error) override;
    bool takes_from_servers() override;
    void disconnect(const wire::status_error& why) override;
    std::string_view path() const noexcept override;
    std::string_view query() const noexcept override;

    /// It was counted among the connections from its address, until it ends.
    void take_place(access::address_place place) { access().place = std::move(place); }
    /// The change of password that this session asked for has ended.
    void password_changed(std::string_view id_token, login_result result);
    void end(wire::error_code code, exchange::close_reason reason) override;
    void notify_reconnect(std::uint64_t after_ms) override;
    /// Those of the config, and of what is known of who it is.
    void apply_limits();
    /// When the file was asked for that is on its way; only of one that shard_clients knows to have one.
    std::uint64_t file_since_ms() const noexcept { return web_->pending->file->since_ms; }
    /// Ends it, so that somebody else's file has its place.
    void give_up_file();
    /// Pings a WebSocket that has been silent; false if it did not answer and is closed.
    bool check_alive(std::uint64_t now_ms, std::uint64_t idle_ms, std::uint64_t timeout_ms);
    /// Gives back what the cipher holds for traffic, if there has been none lately.
    bool cool(std::uint64_t now_ms);

    /// Is its time to log in over, or (HTTP) to ask for something? A request that has begun has a time of its own.
    bool is_past_login_deadline(std::uint64_t now_ms) const noexcept {
        return now_ms >= login_deadline_ms_ && !has_begun_request();
    }
    /// A system call if no proxy told it.
    std::string address() const override;

    // For engine_session, whose packets it carries: an HTTP request is answered,
    void engine_answered(const engine_answer& what);
    /// a WebSocket sends a text in two pieces, a binary message, or whole frames; false: it could not be taken.
    bool put_engine_text(std::string_view start, std::string_view data);
    bool put_engine_bytes(std::string_view bytes);
    bool put_engine_frames(std::string_view frames);
    bool put_engine_frames(const exchange::payload& frames);
    void engine_is_free();
    void leave_engine();
    /// Takes the connection out, to go on on another shard; null: not now.
    std::unique_ptr<moved_connection> pack();
    /// There: with a request that was read, or as an open WebSocket.
    void go_on_with(const std::string& received, const web::http_request& asked);
    void go_on_with(const std::string& received, engine_session& carried, const web_path& path, bool is_compressed);

    /// Places in shard_clients' lists.
    std::size_t index = 0;
    exchange::list_place login_place;
    exchange::list_place blocked_place;
    exchange::list_place warm_place;
    exchange::list_place web_place;
    exchange::list_place file_place;

private:
    enum class state : std::uint8_t { first, verifying, accepted, open, leaving };
    /// Why it is not read, beside framed_stream's own reasons.
    enum hold_reason : std::uint8_t { on_unanswered = 1, on_login = 2, on_engine = 4, on_answer = 8 };
    /// What is shorter is not worth the time.
    static constexpr std::size_t least_compressed = 512;

    exchange::frame_verdict on_frame(std::string_view body) override;
    void on_bad_frame(bool is_too_large) override;
    void on_end_of_input() override;
    void on_closed(exchange::close_reason reason) override;
    void on_blocked() override;
    void on_drained() override;
    std::size_t awaited_frames() const noexcept override;
    void on_memory_bound(exchange::held_kind what) override;
    void on_frame_pending(std::uint64_t since_ms) override;

    using user_session::log_in;
    using user_session::route;
    exchange::frame_verdict log_in(const wire::client_message& message);
    const std::vector<authentication_method>& methods() const noexcept;
    /// Whom the client's certificate names, and when (since 1970) it expires; an empty name: nobody, or nobody asks.
    struct shown_certificate {
        std::string name;
        std::uint64_t until_ms = 0;
    };
    shown_certificate certificate(const std::vector<authentication_method>& methods) const;
    exchange::frame_verdict take_from_server(const wire::client_message& message);
    void logged_in() override;
    void logged_in_late() override;
    void login_refused(const wire::status_error& error) override;
    void warn_of_expiry(std::uint64_t left_ms) override;
    void on_message_refused(const wire::client_message& message, const wire::status_error& error) override;
    void change_password(std::string_view id_token, const wire::builtin_command& command);
    void answer_token(std::string_view id_token, std::string_view token);
    std::string describe_self() const;
    exchange::frame_verdict handle(const wire::client_message& message, bool is_first);
    exchange::frame_verdict dispatch(const wire::client_message& message, bool is_first);
    exchange::frame_verdict pass_on(const wire::client_message& message);
    exchange::frame_verdict run_builtin(const wire::client_message& message);
    exchange::frame_verdict bad_message(const wire::client_message& message, std::string_view reason);

    void send_good(std::string_view id_token, wire::delivered_count delivered);
    void send_bad(std::string_view id_token, const wire::status_error& error, wire::delivered_count delivered = {});
    void send_frame(std::string_view frame);
    bool takes_output();
    bool took(exchange::enqueued result);
    /// Queues a frame for the client; false: it could not be taken. Who has too much waiting already ends.
    bool put(std::string_view frame);
    bool put(const exchange::payload& frame);
    template <class Writer>
    bool put(std::size_t size, Writer&& write) {
        return takes_output() && took(enqueue(size, write));
    }
    void overflow();
    std::size_t message_limit() const noexcept;
    std::string describe_holder(std::size_t bytes) const;
    void leave_exchange();
    exchange::frame_verdict held(hold_reason why);
    exchange::frame_verdict not_before(hold_reason why);
    void close_if_finished();
    void answer_close();
    void warm_up();

    // HTTP and WebSocket.
    void begin_http();
    bool has_begun_request() const noexcept;
    void expect_request();
    exchange::frame_verdict on_request(std::string_view body);
    exchange::frame_verdict accept_request(web::http_request asked, std::string_view body);
    pending_request& await_answer(web::response_context answer);
    std::unique_ptr<pending_request> take_pending();
    void answer_request(const web::response_context& to, const engine_answer& what);
    void answered(const web::response_context& to);
    exchange::frame_verdict respond_and_close(const std::string& response);
    exchange::frame_verdict refuse_request(const web::http_request& asked, web::http_status status);
    const web_path* find_path(std::string_view path) const noexcept;
    exchange::frame_verdict upgrade(const web::http_request& asked);
    bool learn_address(const web::http_request& asked);
    exchange::frame_verdict log_in_on_path(const std::string& token, const std::string& basic);
    exchange::frame_verdict ask_for_file(web::http_request asked);
    file_reader::completion when_read(void (client_session::*then)(file_reader::result));
    void file_opened(file_reader::result result);
    void file_read(file_reader::result result);
    void send_file_on();
    void put_off(web::response_context to);
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

    // Engine.IO.
    exchange::frame_verdict on_engine_request(const web_path& path, const web::http_request& asked,
                                              std::string_view body);
    exchange::frame_verdict upgrade_to_engine(const web_path& path, const web::http_request& asked);
    exchange::frame_verdict on_engine_frame(std::string_view body);
    std::shared_ptr<const engine_opening> make_opening(const web_path& path, const web::http_request& asked) const;
    void carry(engine_session& what, const web_path& path, bool is_compressed);
    void abandon_engine();
    void move_request(unsigned target);

    std::uint64_t login_deadline_ms_;
    std::uint64_t last_traffic_ms_ = 0;              ///< shard clock; of a ciphered session
    std::unique_ptr<const std::string> closing_id_;  ///< token of the client's `close`; null: it has sent none
    std::unique_ptr<web_state> web_;                 ///< null: the transport carries length words
    state state_ = state::first;
    bool input_ended_ = false;
    bool has_overflowed_ = false;
};

}  // namespace bester::clients
