#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <bester/client.hpp>
#include <tl/expected.hpp>

struct ssl_st;

namespace bester::client_detail {

/// The client's end of a TLS connection, 1.2 or newer, without a socket: bytes in, bytes out. One thread.
class tls_session {
public:
    /// Reads the files of `options` and begins the handshake with `host`, whose first bytes are in `output()`.
    /// Code `tls_failed`.
    static tl::expected<tls_session, error_info> begin(const tls_options& options, const std::string& host);

    /// Takes what the socket had and appends what it means to `plain`. False: the connection is of no use
    /// any more, see failure(); if that is empty, the other side said farewell.
    bool receive(std::string_view bytes, std::string& plain);
    /// Encrypts, or keeps it until the handshake is done.
    void send(std::string_view plain);
    /// Says that nothing more will be sent.
    void farewell();
    /// The output for the socket; the caller removes the sent part.
    std::string& output() noexcept { return output_; }
    const std::string& output() const noexcept { return output_; }

    const std::string& failure() const noexcept { return failure_; }

private:
    struct free_ssl {
        void operator()(ssl_st* ssl) const noexcept;
    };

    explicit tls_session(ssl_st* ssl) noexcept : ssl_(ssl) {}
    bool shake_hands();
    void fail();
    void take_output();

    std::unique_ptr<ssl_st, free_ssl> ssl_;
    std::string unsent_;  ///< plain, until the handshake is done
    std::string output_;
    std::string failure_;
};

}  // namespace bester::client_detail
