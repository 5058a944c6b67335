#pragma once

#include <utility>

#include "exchange/stream_cipher.hpp"
#include "tls/engine.hpp"

namespace bester::peering {

/// A TLS connection as a stream's cipher. The handshake may be over already, or goes on in read().
class tls_cipher final : public exchange::stream_cipher {
public:
    explicit tls_cipher(tls::engine engine) : engine_{std::move(engine)} {}

    void receive(std::string_view bytes) override { engine_.receive(bytes); }
    void keep_input() override { engine_.keep_input(); }
    std::ptrdiff_t read(std::span<char> into) override {
        if (!engine_.is_handshake_done()) {
            const auto status = engine_.handshake();
            if (status == tls::handshake_status::want_more) return nothing;
            if (status == tls::handshake_status::failed) return failed;
        }
        const tls::read_result result = engine_.read(into);
        switch (result.status) {
            case tls::read_status::data: return static_cast<std::ptrdiff_t>(result.size);
            case tls::read_status::want_more: return nothing;
            case tls::read_status::closed: return ended;
            case tls::read_status::failed: break;
        }
        return failed;
    }
    bool write(std::string_view bytes) override { return engine_.write(bytes); }
    void end_output() override { engine_.shutdown(); }
    std::string_view pending_output() override { return engine_.pending_output(); }
    void consume_output(std::size_t size) noexcept override { engine_.consume_output(size); }

private:
    tls::engine engine_;
};

}  // namespace bester::peering
