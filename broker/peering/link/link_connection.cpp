#include "peering/link/link_connection.hpp"

#include <asio/buffer.hpp>

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>

#include "coroutines/transfer.hpp"
#include "peering/link/as_tuple.hpp"
#include "tls/cipher.hpp"
#include "wire/frame.hpp"

namespace bester::peering {

namespace {

tl::unexpected<std::string> failure(std::string words) { return tl::unexpected(std::move(words)); }

std::string neighbourhood_of(const asio::ip::address& address) {
    if (address.is_v4()) return address.to_string();
    auto v6 = address.to_v6();
    if (v6.is_v4_mapped()) return asio::ip::make_address_v4(asio::ip::v4_mapped, v6).to_string();
    auto bytes = v6.to_bytes();
    std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
    return asio::ip::address_v6{bytes}.to_string();
}

}  // namespace

link_connection::link_connection(asio::ip::tcp::socket socket, std::chrono::milliseconds limit)
    : socket_{std::move(socket)}, limit_{socket_.get_executor(), limit}, buffer_(16 * 1024) {
    std::error_code ignored;
    const auto endpoint = socket_.remote_endpoint(ignored);
    const std::string address = endpoint.address().to_string();
    neighbourhood_ = neighbourhood_of(endpoint.address());
    if (endpoint.address().is_v6()) remote_.append(1, '[').append(address).append(1, ']');
    else remote_ = address;
    remote_.append(1, ':').append(std::to_string(endpoint.port()));
    socket_.set_option(asio::ip::tcp::no_delay{true}, ignored);
    socket_.non_blocking(true, ignored);
}

void link_connection::watch_limit() {
    limit_.async_wait([weak = weak_from_this()](std::error_code error) {
        const auto self = weak.lock();
        if (error || !self) return;
        self->is_late_ = true;
        self->close();
    });
}

bool link_connection::is_local() const noexcept {
    std::error_code error;
    const auto address = socket_.remote_endpoint(error).address();
    return !error &&
           (address.is_loopback() || (address.is_v6() && address.to_v6().is_v4_mapped() &&
                                      asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).is_loopback()));
}

std::string link_connection::words(std::error_code error) const {
    if (gave_way_) return "too many connections came after it, before it had said hello";
    if (is_late_) return "not done within peering.handshake_timeout";
    if (error == asio::error::eof) return "the peer closed the connection";
    return error.message();
}

asio::awaitable<link_connection::result<bool>> link_connection::begins_with_tls() {
    watch_limit();
    for (;;) {
        const auto [error] = co_await socket_.async_wait(asio::ip::tcp::socket::wait_read, as_tuple);
        if (error) co_return failure(words(error));
        // The first byte of a TLS handshake record; as a frame's length it would exceed any hello.
        unsigned char first[3];
        const ssize_t size = ::recv(socket_.native_handle(), first, sizeof first, MSG_PEEK | MSG_DONTWAIT);
        if (size == 0) co_return failure("the peer closed the connection");
        if (size < 0 && errno != EAGAIN && errno != EINTR) co_return failure(std::generic_category().message(errno));
        has_begun_ = size >= 1;
        if (size >= 1 && first[0] != 0x16) co_return false;
        if (size == sizeof first) co_return first[1] == 0x03;
        asio::steady_timer soon{socket_.get_executor(), std::chrono::milliseconds{10}};
        co_await soon.async_wait(as_tuple);
    }
}

asio::awaitable<link_connection::result<void>> link_connection::flush() {
    for (;;) {
        const std::string_view out = engine_->pending_output();
        if (out.empty()) co_return result<void>{};
        const auto [error, size] = co_await socket_.async_write_some(asio::buffer(out.data(), out.size()), as_tuple);
        if (error) co_return failure(words(error));
        engine_->consume_output(size);
    }
}

asio::awaitable<link_connection::result<tls::handshake_status>> link_connection::take_step(handshake_pace* pace) {
    using clock = std::chrono::steady_clock;
    while (pace && clock::now() < pace->next()) {
        asio::steady_timer turn{socket_.get_executor(), pace->next()};
        co_await turn.async_wait(as_tuple);
    }
    if (!socket_.is_open()) co_return failure(words(asio::error::not_connected));
    const auto begun = clock::now();
    const auto status = engine_->handshake();
    if (pace) pace->took(begun, clock::now());
    co_return status;
}

asio::awaitable<link_connection::result<void>> link_connection::secure(tls::engine engine,
                                                                       std::shared_ptr<handshake_pace> pace) {
    watch_limit();
    engine_.emplace(std::move(engine));
    for (;;) {
        const auto taken = co_await take_step(pace.get());
        if (!taken) co_return failure(taken.error());
        const auto status = *taken;
        if (status == tls::handshake_status::want_more) engine_->keep_input();
        const auto flushed = co_await flush();
        if (status == tls::handshake_status::failed) co_return failure("TLS: " + engine_->failure());
        if (!flushed) co_return flushed;
        if (status == tls::handshake_status::done) {
            engine_->keep_input();
            co_return result<void>{};
        }
        const auto [error, size] = co_await socket_.async_read_some(asio::buffer(buffer_), as_tuple);
        if (error) co_return failure(words(error));
        engine_->receive({buffer_.data(), size});
    }
}

asio::awaitable<link_connection::result<void>> link_connection::write_frame(std::string_view body) {
    std::string frame(wire::frame_header_size, '\0');
    wire::write_frame_length(frame.data(), body.size());
    frame += body;
    if (engine_) {
        if (!engine_->write(frame)) co_return failure("TLS: " + engine_->failure());
        co_return co_await flush();
    }
    watch_limit();
    const auto error = co_await coroutines::write_whole(socket_, frame);
    if (error) co_return failure(words(error));
    co_return result<void>{};
}

asio::awaitable<link_connection::result<void>> link_connection::read_exactly(char* to, std::size_t size) {
    if (!engine_) {
        const auto error = co_await coroutines::read_whole(socket_, asio::buffer(to, size));
        if (error) co_return failure(words(error));
        co_return result<void>{};
    }
    while (size > 0) {
        const auto read = engine_->read({to, size});
        if (read.status == tls::read_status::data) {
            to += read.size;
            size -= read.size;
            continue;
        }
        if (read.status == tls::read_status::closed) co_return failure("the peer closed the connection");
        if (read.status == tls::read_status::failed) co_return failure("TLS: " + engine_->failure());
        const auto [error, got] = co_await socket_.async_read_some(asio::buffer(buffer_), as_tuple);
        if (error) {
            engine_->end_input();
            co_return failure(words(error));
        }
        engine_->receive({buffer_.data(), got});
    }
    engine_->keep_input();
    co_return result<void>{};
}

asio::awaitable<link_connection::result<std::string>> link_connection::read_frame(std::size_t limit) {
    char header[wire::frame_header_size];
    if (auto read = co_await read_exactly(header, sizeof header); !read) co_return failure(read.error());
    const auto found = wire::decode_frame({header, sizeof header}, limit);
    if (found.status != wire::frame_status::need_more) co_return failure("its first frame is not a hello");
    std::string body(found.missing, '\0');
    if (auto read = co_await read_exactly(body.data(), body.size()); !read) co_return failure(read.error());
    co_return body;
}

std::pair<int, std::unique_ptr<wire::stream_cipher>> link_connection::release() {
    limit_.cancel();
    if (!socket_.is_open()) return {-1, nullptr};
    std::unique_ptr<wire::stream_cipher> cipher;
    if (engine_) cipher = std::make_unique<tls::cipher>(std::move(*engine_));
    std::error_code error;
    const int fd = socket_.release(error);
    return {error ? -1 : fd, std::move(cipher)};
}

void link_connection::give_way() noexcept {
    gave_way_ = true;
    close();
}

void link_connection::close() noexcept {
    std::error_code ignored;
    limit_.cancel();
    socket_.close(ignored);
}

}  // namespace bester::peering
