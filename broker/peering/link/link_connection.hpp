#pragma once

#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "peering/link/handshake_pace.hpp"
#include "tls/engine.hpp"
#include "wire/stream_cipher.hpp"

namespace bester::peering {

/// A connection to another server while it is being set up, on the control thread. Reads no more than requested, so
/// that the shard that takes it over misses nothing. All operations fail once the time limit has passed. One operation
/// at a time.
class link_connection : public std::enable_shared_from_this<link_connection> {
public:
    template <class Value>
    using result = tl::expected<Value, std::string>;  ///< the error is a text for the log

    link_connection(asio::ip::tcp::socket socket, std::chrono::milliseconds limit);

    /// Returns whether the other side begins with TLS; does not consume input.
    asio::awaitable<result<bool>> begins_with_tls();
    /// Changes to TLS, at this pace if there is one.
    asio::awaitable<result<void>> secure(tls::engine engine, std::shared_ptr<handshake_pace> pace = nullptr);
    asio::awaitable<result<void>> write_frame(std::string_view body);
    /// Reads a frame's body of at most `limit` bytes.
    asio::awaitable<result<std::string>> read_frame(std::size_t limit);

    bool is_secure() const noexcept { return engine_.has_value(); }
    const tls::engine& engine() const noexcept { return *engine_; }
    bool is_local() const noexcept;
    /// Returns whether the other side has sent anything yet.
    bool has_begun() const noexcept { return has_begun_; }
    /// Returns the part of the address by which connections are counted: an IPv4 address, or the first 64 bits of an
    /// IPv6 address.
    const std::string& neighbourhood() const noexcept { return neighbourhood_; }
    const std::string& remote() const noexcept { return remote_; }

    /// Hands over the socket and its cipher (null without TLS). A socket below 0 means that it was closed by its time
    /// limit, or to give way, after the last frame had been written; why_closed() returns the reason for the log.
    std::pair<int, std::unique_ptr<wire::stream_cipher>> release();
    std::string why_closed() const { return words(asio::error::not_connected); }
    void close() noexcept;
    /// Ends it to make room for newer ones.
    void give_way() noexcept;

private:
    asio::awaitable<result<tls::handshake_status>> take_step(handshake_pace* pace);
    asio::awaitable<result<void>> flush();
    asio::awaitable<result<void>> read_exactly(char* to, std::size_t size);
    std::string words(std::error_code error) const;
    void watch_limit();

    asio::ip::tcp::socket socket_;
    asio::steady_timer limit_;
    bool is_late_ = false;
    bool gave_way_ = false;
    bool has_begun_ = false;
    std::string remote_;
    std::string neighbourhood_;
    std::optional<tls::engine> engine_;
    std::vector<char> buffer_;
};

}  // namespace bester::peering
