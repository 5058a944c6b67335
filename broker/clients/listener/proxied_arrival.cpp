#include "clients/listener/proxied_arrival.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <utility>

#include <asio.hpp>

#include "web/proxy_header.hpp"

namespace bester::clients {

namespace {

constexpr std::chrono::seconds longest_wait{5};

std::string text_of(const web::proxy_source& source) {
    if (source.address.empty()) return {};
    const bool is_v6 = source.address.find(':') != std::string::npos;
    return (is_v6 ? '[' + source.address + ']' : source.address) + ':' + std::to_string(source.port);
}

class header_reader : public std::enable_shared_from_this<header_reader> {
public:
    header_reader(asio::io_context& control, int fd, std::function<void(proxied_source)> done)
        : descriptor_{control, fd}, timer_{control}, done_{std::move(done)} {}

    ~header_reader() {
        if (descriptor_.is_open()) descriptor_.release();
    }

    void start() {
        timer_.expires_after(longest_wait);
        timer_.async_wait([self = shared_from_this()](std::error_code cancelled) {
            if (!cancelled) self->finish(std::nullopt);
        });
        wait();
    }

private:
    void wait() {
        descriptor_.async_wait(asio::posix::descriptor_base::wait_read,
                               [self = shared_from_this()](std::error_code error) {
                                   if (!self->done_) return;
                                   if (error) self->finish(std::nullopt);
                                   else self->read();
                               });
    }

    /// Peeks at the input, and takes the bytes of the header only.
    void read() {
        std::array<char, 1'024> bytes;
        const int fd = descriptor_.native_handle();
        const ssize_t seen = ::recv(fd, bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
        if (seen < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return wait();
        if (seen <= 0) return finish(std::nullopt);
        web::proxy_source source;
        const auto found = decoder_.decode({bytes.data(), static_cast<std::size_t>(seen)}, source);
        if (found.status == web::proxy_status::failed) return finish(std::nullopt);
        if (::recv(fd, bytes.data(), found.consumed, MSG_DONTWAIT) != static_cast<ssize_t>(found.consumed))
            return finish(std::nullopt);
        if (found.status == web::proxy_status::need_more) return wait();
        finish(text_of(source));
    }

    void finish(proxied_source source) {
        if (!done_) return;
        timer_.cancel();
        descriptor_.release();
        std::exchange(done_, nullptr)(std::move(source));
    }

    asio::posix::stream_descriptor descriptor_;
    asio::steady_timer timer_;
    std::function<void(proxied_source)> done_;
    web::proxy_header_decoder decoder_;
};

}  // namespace

void read_proxy_header(asio::io_context& control, int fd, std::function<void(proxied_source)> done) {
    std::make_shared<header_reader>(control, fd, std::move(done))->start();
}

}  // namespace bester::clients
