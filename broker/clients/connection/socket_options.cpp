#include "clients/connection/socket_options.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <limits>

namespace bester::clients {

namespace {

void set(int fd, int level, int name, int value) noexcept { ::setsockopt(fd, level, name, &value, sizeof value); }

int whole_seconds(std::chrono::milliseconds span) noexcept {
    return std::max(1, static_cast<int>((span.count() + 999) / 1000));
}

}  // namespace

void set_tcp_options(int fd, const client_limits& limits) noexcept {
    // Thousands of clients that connected together would be probed together, and the kernel drops many packets then: so
    // the time is up to a quarter shorter, by the descriptor's number.
    const int probes = std::clamp(whole_seconds(limits.keepalive_timeout) / 2, 2, 5);
    const int idle = whole_seconds(limits.keepalive_idle);
    const int earlier = idle < 16 ? 0 : fd % (idle / 4 + 1);
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle - earlier);
    set(fd, IPPROTO_TCP, TCP_KEEPINTVL, whole_seconds(limits.keepalive_timeout / probes));
    set(fd, IPPROTO_TCP, TCP_KEEPCNT, probes);
    set_output_patience(fd, limits);
    // The kernel would let the buffers grow to megabytes; thousands of clients that send more than is read, or read
    // nothing, would use up its memory for TCP, and it drops the packets of everybody then.
    if (limits.socket_buffer == 0) return;
    set(fd, SOL_SOCKET, SO_RCVBUF, static_cast<int>(limits.socket_buffer));
    // Only what is not on its way yet: what is, the client's window bounds. With a send buffer of a fixed size the
    // kernel would report room that it has no memory for, again and again.
    set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, static_cast<int>(limits.socket_buffer));
}

void set_output_patience(int fd, const client_limits& limits, std::chrono::milliseconds most) noexcept {
    // While output is on its way to the client the kernel sends no probes: then the client has the same time to
    // acknowledge it.
    const std::int64_t wanted = std::max(most, limits.keepalive_idle + limits.keepalive_timeout).count();
    set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
        static_cast<int>(std::min<std::int64_t>(wanted, std::numeric_limits<int>::max())));
}

}  // namespace bester::clients
