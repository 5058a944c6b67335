#include "clients/connection/socket_options.hpp"

#include <catch2/catch.hpp>

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <string>

#include "clients/client_settings.hpp"
#include "exchange/owned_socket.hpp"

namespace bester::clients {

namespace {

using exchange::owned_socket;

/// Two ends of a TCP connection; the client's reads nothing.
struct tcp_pair {
    owned_socket client;
    owned_socket accepted;

    tcp_pair() {
        const owned_socket listening{::socket(AF_INET, SOCK_STREAM, 0)};
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const at = reinterpret_cast<sockaddr*>(&address);
        REQUIRE(::bind(listening.get(), at, size) == 0);
        REQUIRE(::listen(listening.get(), 1) == 0);
        REQUIRE(::getsockname(listening.get(), at, &size) == 0);
        client = owned_socket{::socket(AF_INET, SOCK_STREAM, 0)};
        REQUIRE(::connect(client.get(), at, size) == 0);
        accepted = owned_socket{::accept4(listening.get(), nullptr, nullptr, SOCK_NONBLOCK)};
        REQUIRE(accepted.get() >= 0);
    }
};

/// What the kernel holds when it takes nothing more.
std::size_t fill(int fd) {
    const std::string some(16'384, 'x');
    for (;;) {
        while (::send(fd, some.data(), some.size(), MSG_NOSIGNAL) > 0) {}
        pollfd waiting{fd, POLLOUT, 0};
        if (::poll(&waiting, 1, 200) == 0) break;
    }
    int held = 0;
    REQUIRE(::ioctl(fd, SIOCOUTQ, &held) == 0);
    return static_cast<std::size_t>(held);
}

}  // namespace

TEST_CASE("socket options: the kernel holds little of what a client does not read", "[clients]") {
    client_limits limits;
    limits.socket_buffer = std::size_t{64} << 10;
    const tcp_pair ends;
    set_tcp_options(ends.accepted.get(), limits);
    const std::size_t held = fill(ends.accepted.get());
    CHECK(held > 0);
    // Beside that, one segment more and what is on its way.
    CHECK(held <= 4 * limits.socket_buffer);
}

TEST_CASE("socket options: the kernel decides if it is told no size", "[clients]") {
    client_limits limits;
    limits.socket_buffer = 0;
    const tcp_pair ends;
    int before = 0;
    int after = 0;
    socklen_t size = sizeof before;
    REQUIRE(::getsockopt(ends.accepted.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &before, &size) == 0);
    set_tcp_options(ends.accepted.get(), limits);
    REQUIRE(::getsockopt(ends.accepted.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &after, &size) == 0);
    CHECK(before == after);
}

}  // namespace bester::clients
