#pragma once

#include <cstdint>

namespace bester::clients {

/// The states of an Engine.IO session, without its packets and its connections. A call that is no transition from the
/// present state changes nothing and returns false. Pure; on the thread of the session's shard.
class engine_state {
public:
    /// How far the session is on its way to its end.
    ///
    ///   open ──close_later()──▶ closing ──close()──▶ closed
    ///     └─────────────────close()────────────────▶
    enum class life : std::uint8_t {
        open,
        closing,  ///< it is closed at the end of the turn, and queues nothing for polls any more
        closed,
    };
    /// What carries the packets. Only the states without a WebSocket belong to a session without one, so that a session
    /// that moves to another shard begins with `http` there and is attached again.
    ///
    ///   http ──attach(offered)──▶ offered ──probe()──▶ probed ──take_over()──▶ websocket
    ///     ├───attach(probed)──────────────────────────▶                           ▲
    ///     └───attach(websocket)───────────────────────────────────────────────────┘
    ///   any other ──detach()──▶ http
    enum class transport : std::uint8_t {
        http,
        offered,    ///< a WebSocket may take over, when it has been probed
        probed,     ///< the client has probed it, and takes over when its requests are answered
        websocket,  ///< for good
    };

    life now() const noexcept { return life_; }
    bool is_open() const noexcept { return life_ == life::open; }
    bool is_closed() const noexcept { return life_ == life::closed; }
    bool close_later() noexcept {
        if (life_ != life::open) return false;
        life_ = life::closing;
        return true;
    }
    bool close() noexcept {
        if (life_ == life::closed) return false;
        life_ = life::closed;
        return true;
    }

    transport carried_by() const noexcept { return transport_; }
    bool is_on_websocket() const noexcept { return transport_ == transport::websocket; }
    /// Returns whether a WebSocket is there that has not taken over.
    bool is_upgrading() const noexcept { return transport_ == transport::offered || transport_ == transport::probed; }
    bool is_probed() const noexcept { return transport_ == transport::probed; }
    bool attach(transport as) noexcept {
        if (transport_ != transport::http || as == transport::http) return false;
        transport_ = as;
        return true;
    }
    bool probe() noexcept { return change(transport::offered, transport::probed); }
    bool take_over() noexcept { return change(transport::probed, transport::websocket); }
    bool detach() noexcept {
        if (transport_ == transport::http) return false;
        transport_ = transport::http;
        return true;
    }

private:
    bool change(transport from, transport to) noexcept {
        if (transport_ != from) return false;
        transport_ = to;
        return true;
    }

    life life_ = life::open;
    transport transport_ = transport::http;
};

}  // namespace bester::clients
