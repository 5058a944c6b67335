#pragma once

#include <string_view>

#include "exchange/framing.hpp"
#include "web/websocket_decoder.hpp"

namespace bester::clients {

/// The receiver of a WebSocket's control frames and errors.
class websocket_events {
public:
    /// Bytes have come: it is there.
    virtual void heard() noexcept = 0;
    virtual void on_ping(std::string_view body) = 0;
    virtual void on_pong() = 0;
    /// The client ends it, or (`failed`) must be ended with this code; nothing more is decoded.
    virtual void on_websocket_end(web::close_code code, std::string_view reason, bool failed) = 0;

protected:
    ~websocket_events() = default;
};

/// A stream of WebSocket frames: each message is a frame of the stream.
class websocket_framing final : public exchange::framing {
public:
    /// Both outlive it.
    websocket_framing(web::websocket_pool& pool, const web::websocket_settings& settings, websocket_events& events)
        : decoder_{pool, settings}, events_{events} {}

    exchange::framed decode(std::string_view bytes) override;
    void give_again() override { decoder_.give_again(); }
    std::size_t held_bytes() const noexcept override { return decoder_.held_bytes(); }
    bool has_begun() const noexcept override { return decoder_.has_begun(); }
    void discard() override { decoder_.discard(); }
    /// Was the last message binary?
    bool is_binary() const noexcept { return is_binary_; }
    void set_message_limit(std::size_t limit) noexcept { decoder_.set_message_limit(limit); }

private:
    web::websocket_decoder decoder_;
    websocket_events& events_;
    bool is_binary_ = false;
};

}  // namespace bester::clients
