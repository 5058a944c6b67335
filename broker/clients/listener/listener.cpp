#include "clients/listener/listener.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <exception>
#include <system_error>

#include <asio.hpp>

#include "clients/listener/proxied_arrival.hpp"
#include "clients/listener/remote_address.hpp"
#include "exchange/socket_file.hpp"
#include "log/log.hpp"
#include "web/address_rule.hpp"
#include "web/http_response.hpp"
#include "wire/client_codec.hpp"

namespace bester::clients {

namespace {

constexpr int backlog = 4'096;
constexpr std::chrono::milliseconds accept_pause{100};
constexpr int most_accepted_at_once = 64;

[[noreturn]] void fail(const std::string& what, const listener_settings& settings) {
    throw std::system_error{errno, std::generic_category(), what + ' ' + settings.address};
}

asio::ip::tcp::endpoint parse_tcp(const listener_settings& settings) {
    const std::string& text = settings.address;
    const std::size_t colon = text.rfind(':');
    std::string host = text.substr(0, colon);
    if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    std::error_code error;
    const auto address = asio::ip::make_address(host, error);
    if (colon == std::string::npos || error)
        throw std::system_error{std::make_error_code(std::errc::invalid_argument), "listen on " + text};
    return {address, static_cast<unsigned short>(std::stoul(text.substr(colon + 1)))};
}

int listen_on_tcp(const listener_settings& settings) {
    const auto endpoint = parse_tcp(settings);
    const int fd = ::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("open a socket for", settings);
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (endpoint.address().is_v6()) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (::bind(fd, endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0 || ::listen(fd, backlog) != 0) {
        const int error = errno;
        ::close(fd);
        errno = error;
        fail("listen on", settings);
    }
    return fd;
}

/// The socket, and its file if it is a UNIX socket.
exchange::listening_socket listen_on(const listener_settings& settings) {
    if (settings.kind != transport::unix_socket) return {listen_on_tcp(settings), {}};
    try {
        return exchange::listen_on_path(settings.address, settings.mode, backlog);
    } catch (const std::runtime_error& error) {
        throw std::runtime_error("listen on " + settings.address + ": " + error.what());
    }
}

}  // namespace

struct listener::state : std::enable_shared_from_this<listener::state> {
    state(asio::io_context& on, const listener_settings& from, const std::size_t& limit, connection_count& count,
          hand_over to, turn_away away)
        : settings{from},
          connection_limit{limit},
          connections{count},
          give{std::move(to)},
          refuse{std::move(away)},
          control{on},
          socket{listen_on(from)},
          descriptor{on, socket.fd},
          timer{on} {}

    void wait() {
        descriptor.async_wait(asio::posix::descriptor_base::wait_read,
                              [self = shared_from_this()](std::error_code error) {
                                  if (!error && self->descriptor.is_open()) self->accept_all();
                              });
    }

    void accept_all() {
        for (int i = 0; i < most_accepted_at_once; ++i) {
            const int fd = ::accept4(descriptor.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd >= 0) {
                try {
                    admit(exchange::owned_socket{fd});
                } catch (const std::exception& failed) {
                    log::error("listener {}: a connection was closed by an unexpected error: {}", settings.name,
                               failed.what());
                }
                continue;
            }
            if (errno == EAGAIN || errno == EWOULDBLOCK) break;
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) return pause(errno);
        }
        wait();
    }

    /// There are no descriptors or no memory: waiting connections stay in the backlog for a moment.
    void pause(int error) {
        log::error("listener {}: cannot accept: {}; raise the limit of open files or lower server.connections",
                   settings.name, std::generic_category().message(error));
        timer.expires_after(accept_pause);
        timer.async_wait([self = shared_from_this()](std::error_code cancelled) {
            if (!cancelled && self->descriptor.is_open()) self->accept_all();
        });
    }

    /// A proxy sends a header with the client's address first.
    void take(arrival came) {
        const int fd = came.socket.get();
        if (!settings.proxy_protocol || !web::is_among(remote_address(fd), settings.proxies))
            return give(std::move(came), settings);
        auto waiting = std::make_shared<arrival>(std::move(came));
        read_proxy_header(control, fd, [self = shared_from_this(), waiting](proxied_source source) {
            arrival proxied = std::move(*waiting);
            if (!source)
                return self->warn("a proxy's connection did not begin with a good PROXY header (proxy_protocol)");
            if (!self->descriptor.is_open()) return;
            proxied.tls = self->tls;
            proxied.from = std::move(*source);
            self->give(std::move(proxied), self->settings);
        });
    }

    void admit(exchange::owned_socket accepted) {
        connection_slot slot{connections, connection_limit};
        if (slot) return take({std::move(accepted), std::move(slot), tls, {}});
        if (!tls) {
            const bool is_web = settings.kind == transport::websocket;
            const std::string frame =
                is_web ? web::error_response(web::http_status::service_unavailable)
                       : wire::bad_status_frame(wire::close_id,
                                                wire::as_status_error(wire::error_code::too_many_connections));
            [[maybe_unused]] const auto sent =
                ::send(accepted.get(), frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        }
        refuse(accepted.release());
        warn("refused a connection beyond the " + std::to_string(connection_limit) + " of server.connections");
    }

    void warn(std::string_view what) { log::warning("listener {}: {}", settings.name, what); }

    const listener_settings& settings;
    const std::size_t& connection_limit;
    connection_count& connections;
    hand_over give;
    turn_away refuse;
    std::shared_ptr<const tls::context> tls;
    asio::io_context& control;
    exchange::listening_socket socket;
    asio::posix::stream_descriptor descriptor;
    asio::steady_timer timer;
};

listener::listener(asio::io_context& control, const listener_settings& settings, const std::size_t& connection_limit,
                   connection_count& connections, hand_over give, turn_away refuse)
    : state_{std::make_shared<state>(control, settings, connection_limit, connections, std::move(give),
                                     std::move(refuse))} {
    state_->wait();
}

listener::~listener() { close(); }

void listener::close() {
    if (!state_->descriptor.is_open()) return;
    std::error_code ignored;
    state_->descriptor.close(ignored);
    state_->timer.cancel();
    state_->socket.file.remove();
}

std::string listener::bound_address() const {
    if (state_->settings.kind == transport::unix_socket) return state_->settings.address;
    asio::ip::tcp::endpoint endpoint;
    auto size = static_cast<socklen_t>(endpoint.capacity());
    if (::getsockname(state_->descriptor.native_handle(), endpoint.data(), &size) != 0) return state_->settings.address;
    endpoint.resize(size);
    std::string host = endpoint.address().to_string();
    if (endpoint.address().is_v6()) host = '[' + host + ']';
    return host + ':' + std::to_string(endpoint.port());
}

void listener::use_tls(std::shared_ptr<const tls::context> context) { state_->tls = std::move(context); }

const std::shared_ptr<const tls::context>& listener::tls() const noexcept { return state_->tls; }

const listener_settings& listener::settings() const noexcept { return state_->settings; }

}  // namespace bester::clients
