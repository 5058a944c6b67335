#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "clients/connection/connection.hpp"
#include "clients/engine/engine_request.hpp"
#include "clients/http/file_reader.hpp"
#include "clients/http/http_framing.hpp"
#include "clients/http/pending_request.hpp"
#include "clients/websocket/websocket_upgrade.hpp"
#include "exchange/place_list.hpp"
#include "web/http_request.hpp"

namespace bester::clients {

class engine_session;

/// A connection that speaks HTTP: requests for files, requests of Engine.IO, and upgrades to a WebSocket, for which
/// another object takes the connection over at the end of the turn. Requests are answered in order, one at a time; each
/// request keeps what its answer needs.
class http_connection final : public connection {
public:
    http_connection(shard_clients& owner, connection_parts& from);

    bool is_past_deadline(std::uint64_t now_ms) const noexcept override;

    /// Answers the request that waits for Engine.IO.
    void engine_answered(const engine_answer& answer);
    /// Turns the connection into a WebSocket of Engine.IO, here or on the shard of its session, or refuses it.
    /// Afterwards the connection may belong to another object. Must not be called from within on_frame.
    void upgrade_to_engine(const web::http_request& asked);

    /// Returns when the file that is being sent was requested; only for connections in shard_clients' list of these.
    std::uint64_t file_since_ms() const noexcept { return pending_->file->since_ms; }
    /// Ends the connection, so that another one's file gets its place.
    void give_up_file();

    /// Its place in shard_clients' list of connections that are sent a file.
    exchange::list_place file_place;

private:
    /// Reasons not to read it, beside those of framed_stream.
    enum hold_reason : std::uint8_t { on_answer = 1 };

    exchange::frame_verdict on_frame(std::string_view body) override;
    void on_drained() override;
    void on_blocked() override;
    void on_frame_pending(std::uint64_t since_ms) override;
    patience write_patience() const noexcept override;
    bool is_of_a_session(const web::http_request& asked) const;
    void detach() override;
    void say_goodbye(const wire::status_error& why, web::close_code code) override;

    exchange::frame_verdict accept(web::http_request asked, std::string_view body);
    const web_path* find_path(std::string_view path) const noexcept;
    bool learn_address(const web::http_request& asked);

    // Answers.
    pending_request& await_answer(web::response_context answer);
    std::unique_ptr<pending_request> take_pending();
    void answered(const web::response_context& to);
    exchange::frame_verdict respond_and_close(const std::string& response);
    exchange::frame_verdict refuse(const web::http_request& asked, web::http_status status);
    exchange::frame_verdict refuse_login(const web::http_request& asked, const wire::status_error& why);
    void put_off(web::response_context to);

    // Files.
    exchange::frame_verdict ask_for_file(web::http_request asked);
    file_reader::completion when_read(void (http_connection::*then)(file_reader::result));
    void file_opened(file_reader::result result);
    void file_read(file_reader::result result);
    void send_file_on();

    // WebSockets.
    exchange::frame_verdict upgrade(const web::http_request& asked);
    void become_websocket(const websocket_upgrade& how);

    // Engine.IO.
    exchange::frame_verdict on_engine_request(const web_path& path, web::http_request asked, std::string_view body);
    void answer_engine(const web::response_context& to, const engine_answer& answer);
    void tell_session(const std::string& sid, void (*what)(engine_session&));
    void answer_was_read();
    std::shared_ptr<const engine_opening> make_opening(const web_path& path, const web::http_request& asked,
                                                       request_credentials credentials) const;
    exchange::frame_verdict upgrade_to_engine_later(web::http_request asked);
    void move_to(unsigned target, const web::http_request& asked);

    http_framing* requests_;                    ///< owned by the stream
    std::unique_ptr<pending_request> pending_;  ///< null: every request that was accepted has been answered
    std::unique_ptr<pending_request> written_;  ///< of an Engine.IO session, whose answer is being written; else null
};

}  // namespace bester::clients
