#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "clients/websocket/websocket_framing.hpp"
#include "clients/websocket/websocket_upgrade.hpp"
#include "exchange/framed_stream.hpp"
#include "exchange/place_list.hpp"

namespace bester::clients {

class connection;

/// What all connections have that carry a WebSocket, whatever its messages are: answers to pings, the watch over
/// silence, messages out, and the close frame. A base of the connection's class.
class websocket_side : private websocket_events {
public:
    /// Pings a client that has been silent, and closes the connection of one that did not answer.
    void check_alive(std::uint64_t now_ms, std::uint64_t idle_ms, std::uint64_t timeout_ms);

    /// For shard_clients: its place among those whose silence is watched.
    exchange::list_place silence_place;

protected:
    /// `carrier` is the object that this is a part of.
    websocket_side(connection& carrier, const websocket_upgrade& from);
    ~websocket_side() = default;

    /// How the connection's bytes are cut from now on; the caller hands it to its stream.
    std::unique_ptr<exchange::framing> make_framing(std::size_t message_limit, bool allows_binary);
    void set_message_limit(std::size_t limit) noexcept { framing_->set_message_limit(limit); }
    /// Was the last message binary?
    bool is_binary() const noexcept { return framing_->is_binary(); }

    /// What is shorter is not worth the time.
    static constexpr std::size_t least_compressed = 512;
    /// Is a message of this size compressed?
    bool is_deflated(std::size_t size) const noexcept { return is_compressed_ && size >= least_compressed; }
    bool put_text(std::string_view body);
    /// Writes the close frame, once, past the limit if need be: it is the last.
    void end_websocket(web::close_code code, std::string_view reason);
    bool has_ended() const noexcept { return has_ended_; }
    /// The close frame that fits the reason for which a connection is closed.
    static web::close_code close_code_for(exchange::close_reason reason) noexcept;
    /// The client broke the protocol; the close frame that says so follows.
    virtual void tell_failure(web::close_code, std::string_view /*reason*/) {}

    const web_path& path_;
    const std::string query_;
    const bool is_compressed_;

private:
    void heard() noexcept override;
    void on_ping(std::string_view body) override;
    void on_pong() override {}
    void on_websocket_end(web::close_code code, std::string_view reason, bool failed) override;

    bool is_pinged_ = false;  ///< and has not answered
    bool has_ended_ = false;  ///< the close frame is written
    connection& carrier_;
    websocket_framing* framing_ = nullptr;  ///< the stream's
    std::uint64_t last_heard_ms_;           ///< shard clock
};

}  // namespace bester::clients
