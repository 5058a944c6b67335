#include "endpoint.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace bester::client_detail {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

bool is_port(std::string_view text) {
    std::uint32_t number = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    return code == std::errc{} && end == text.data() + text.size() && number >= 1 && number <= 65'535;
}

error_info bad_endpoint(std::string_view text, const char* why) {
    return {"bad_endpoint",
            std::string("\"").append(text).append("\" is no endpoint: ").append(why) +
                "; give host:port, [ipv6]:port, tls:host:port or unix:/path",
            false};
}

error_info unreachable(const std::string& name, const std::string& why) {
    return {"unreachable", "cannot connect to " + name + ": " + why, true};
}

/// Lets the kernel find a dead broker, as the broker lets it find dead clients: proto-docs/client.md, "Order, limits,
/// flow".
void prepare_tcp(int fd, const keepalive& alive) {
    // They only cost something when they fail, so the answers do not matter.
    const auto set = [fd](int level, int name, int value) { ::setsockopt(fd, level, name, &value, sizeof value); };
    static constexpr std::chrono::seconds longest{32'767};  // that the kernel takes
    const auto seconds = [](std::chrono::milliseconds span) {
        return static_cast<int>(std::clamp(std::chrono::ceil<std::chrono::seconds>(span), 1s, longest).count());
    };
    const int probes = std::clamp(seconds(alive.timeout) / 2, 2, 5);
    set(IPPROTO_TCP, TCP_NODELAY, 1);
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, seconds(alive.idle));
    set(IPPROTO_TCP, TCP_KEEPINTVL, seconds(alive.timeout / probes));
    set(IPPROTO_TCP, TCP_KEEPCNT, probes);
    // While output is on its way the kernel sends no probes: then the broker has this time to acknowledge it. It is
    // long, since a broker that reads nothing for a while, because too much is unanswered, counts as one that
    // acknowledges nothing.
    static constexpr int patience = 300;
    set(IPPROTO_TCP, TCP_USER_TIMEOUT, 1'000 * std::max(patience, seconds(alive.idle) + seconds(alive.timeout)));
}

/// One address, one try.
tl::expected<file_descriptor, int> connect_address(const sockaddr* address, socklen_t size, const keepalive& alive,
                                                   deadline until) {
    file_descriptor fd(::socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd.is_open()) return tl::unexpected(errno);
    if (address->sa_family != AF_UNIX) prepare_tcp(fd.get(), alive);
    if (::connect(fd.get(), address, size) == 0) return fd;
    // A UNIX socket with a full backlog says EAGAIN instead of waiting.
    if (errno != EINPROGRESS) return tl::unexpected(errno);
    pollfd waiting{fd.get(), POLLOUT, 0};
    int ready = 0;
    do {
        ready = ::poll(&waiting, 1, remaining_milliseconds(until));
    } while (ready < 0 && errno == EINTR);
    if (ready == 0) return tl::unexpected(ETIMEDOUT);
    if (ready < 0) return tl::unexpected(errno);
    int error = 0;
    socklen_t error_size = sizeof error;
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &error_size) != 0) return tl::unexpected(errno);
    if (error != 0) return tl::unexpected(error);
    return fd;
}

tl::expected<file_descriptor, error_info> connect_path(const std::string& path, deadline until) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return tl::unexpected(bad_endpoint(path, "a socket's path has at most 107 bytes"));
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    auto fd = connect_address(reinterpret_cast<const sockaddr*>(&address), sizeof address, {}, until);
    if (!fd) return tl::unexpected(unreachable(path, std::strerror(fd.error())));
    return std::move(*fd);
}

}  // namespace

int remaining_milliseconds(deadline until) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - steady_clock::now()).count();
    return static_cast<int>(std::clamp<long long>(left, 0, INT_MAX));
}

tl::expected<endpoint, error_info> parse_endpoint(std::string_view text) {
    constexpr std::string_view unix_prefix = "unix:";
    if (text.starts_with(unix_prefix) || text.starts_with('/')) {
        const auto path = text.starts_with('/') ? text : text.substr(unix_prefix.size());
        if (path.empty()) return tl::unexpected(bad_endpoint(text, "the path is missing"));
        return endpoint{{}, {}, std::string(path)};
    }
    constexpr std::string_view tls_prefix = "tls:";
    const auto whole = text;
    const bool is_tls = text.starts_with(tls_prefix) && text.find(':', tls_prefix.size()) != std::string_view::npos;
    if (is_tls) text.remove_prefix(tls_prefix.size());
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return tl::unexpected(bad_endpoint(whole, "the port is missing"));
    auto host = text.substr(0, colon);
    const auto port = text.substr(colon + 1);
    if (!is_port(port)) return tl::unexpected(bad_endpoint(whole, "the port is not a number from 1 to 65535"));
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
        return tl::unexpected(bad_endpoint(whole, "an IPv6 address stands in brackets"));
    }
    if (host.empty()) return tl::unexpected(bad_endpoint(whole, "the host is missing"));
    return endpoint{std::string(host), std::string(port), {}, is_tls};
}

tl::expected<file_descriptor, error_info> connect_to(const endpoint& where, const keepalive& alive, deadline until) {
    if (!where.path.empty()) return connect_path(where.path, until);

    const std::string name = where.host + ":" + where.port;
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    int failed = ::getaddrinfo(where.host.c_str(), where.port.c_str(), &hints, &found);
    if (failed != 0) {
        // AI_ADDRCONFIG hides loopback addresses on a machine without any other.
        hints.ai_flags = AI_NUMERICSERV;
        failed = ::getaddrinfo(where.host.c_str(), where.port.c_str(), &hints, &found);
    }
    if (failed != 0) return tl::unexpected(unreachable(name, ::gai_strerror(failed)));
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, ::freeaddrinfo);

    long long left = 0;
    for (const auto* address = found; address != nullptr; address = address->ai_next) ++left;
    int error = ETIMEDOUT;
    for (const auto* address = found; address != nullptr; address = address->ai_next, --left) {
        // An address that swallows everything must leave time for those after it.
        const auto now = steady_clock::now();
        const auto share = now + (until - now) / left;
        auto fd = connect_address(address->ai_addr, address->ai_addrlen, alive, share);
        if (fd) return std::move(*fd);
        error = fd.error();
    }
    if (error == ETIMEDOUT) {
        return tl::unexpected(error_info{"timeout", "cannot connect to " + name + ": no answer in time", true});
    }
    return tl::unexpected(unreachable(name, std::strerror(error)));
}

}  // namespace bester::client_detail
