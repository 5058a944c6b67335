#pragma once

#include <cstddef>
#include <functional>
#include <utility>

#include "tls/engine.hpp"
#include "wire/stream_cipher.hpp"

namespace bester::tls {

/// A TLS connection as a stream's cipher. The handshake may be complete already, or continues in read().
class cipher final : public wire::stream_cipher {
public:
    /// Bytes that a connection takes until its handshake is done, measured with half handshakes of TLS 1.3.
    static constexpr std::size_t handshake_memory = std::size_t{48} << 10;

    /// `on_open` is called once, when a handshake that goes on in read() is done.
    explicit cipher(engine engine, std::function<void()> on_open = {})
        : engine_{std::move(engine)}, on_open_{std::move(on_open)} {}

    bool is_opening() const noexcept override { return !engine_.is_handshake_done(); }
    void receive(std::string_view bytes) override { engine_.receive(bytes); }
    void keep_input() override { engine_.keep_input(); }
    std::ptrdiff_t read(std::span<char> into) override {
        if (!engine_.is_handshake_done()) {
            const auto status = engine_.handshake();
            if (status == handshake_status::want_more) return nothing;
            if (status == handshake_status::failed) return failed;
            if (on_open_) std::exchange(on_open_, {})();
        }
        const read_result result = engine_.read(into);
        switch (result.status) {
            case read_status::data: return static_cast<std::ptrdiff_t>(result.size);
            case read_status::want_more: return nothing;
            case read_status::closed: return ended;
            case read_status::failed: break;
        }
        return failed;
    }
    bool write(std::string_view bytes) override { return engine_.write(bytes); }
    void end_output() override { engine_.shutdown(); }
    std::string_view pending_output() override { return engine_.pending_output(); }
    void consume_output(std::size_t size) noexcept override { engine_.consume_output(size); }
    /// Includes what OpenSSL holds for a handshake: an attacker can leave it half done.
    std::size_t held_input() const noexcept override {
        return engine_.held_input() + (is_opening() ? handshake_memory : 0);
    }
    std::size_t held_output() const noexcept override { return engine_.held_output(); }

    const engine& connection() const noexcept { return engine_; }
    void release_memory() { engine_.release_memory(); }

private:
    engine engine_;
    std::function<void()> on_open_;
};

}  // namespace bester::tls
