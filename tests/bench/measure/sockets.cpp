#include "measure/sockets.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace bester::bench {
namespace {

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

sockaddr_un unix_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) throw std::runtime_error("path too long: " + path);
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

template <typename Address>
const sockaddr* generic(const Address& address) {
    return reinterpret_cast<const sockaddr*>(&address);
}

unique_fd open_socket(int family) {
    unique_fd fd{::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (!fd) fail_errno("socket");
    return fd;
}

void set_option(int fd, int level, int name, int value) {
    if (::setsockopt(fd, level, name, &value, sizeof(value)) != 0) fail_errno("setsockopt");
}

}  // namespace

unique_fd::~unique_fd() {
    if (fd_ >= 0) ::close(fd_);
}

tcp_listener listen_tcp(std::uint16_t port) {
    tcp_listener listener{open_socket(AF_INET), 0};
    const int fd = listener.fd.get();
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    sockaddr_in address = loopback(port);
    if (::bind(fd, generic(address), sizeof(address)) != 0) fail_errno("bind");
    if (::listen(fd, 4096) != 0) fail_errno("listen");
    socklen_t length = sizeof(address);
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) fail_errno("getsockname");
    listener.port = ntohs(address.sin_port);
    return listener;
}

unique_fd connect_tcp(std::uint16_t port) {
    unique_fd fd = open_socket(AF_INET);
    const sockaddr_in address = loopback(port);
    if (::connect(fd.get(), generic(address), sizeof(address)) != 0) fail_errno("connect to TCP port");
    set_nodelay(fd.get());
    return fd;
}

unique_fd listen_unix(const std::string& path) {
    unique_fd fd = open_socket(AF_UNIX);
    const sockaddr_un address = unix_address(path);
    if (::bind(fd.get(), generic(address), sizeof(address)) != 0) fail_errno("bind UNIX socket");
    if (::listen(fd.get(), 16) != 0) fail_errno("listen");
    return fd;
}

unique_fd connect_unix(const std::string& path) {
    unique_fd fd = open_socket(AF_UNIX);
    const sockaddr_un address = unix_address(path);
    if (::connect(fd.get(), generic(address), sizeof(address)) != 0) fail_errno("connect to UNIX socket");
    return fd;
}

void set_nodelay(int fd) { set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1); }

void set_nonblocking(int fd) {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) fail_errno("fcntl");
}

void set_buffers(int fd, int bytes) {
    set_option(fd, SOL_SOCKET, SO_SNDBUF, bytes);
    set_option(fd, SOL_SOCKET, SO_RCVBUF, bytes);
}

void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) fail_errno("getrlimit");
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) fail_errno("setrlimit");
}

std::size_t read_some(int fd, char* into, std::size_t size) {
    const ssize_t got = ::recv(fd, into, size, 0);
    if (got > 0) return static_cast<std::size_t>(got);
    if (got == 0) throw std::runtime_error("connection closed by the other side");
    if (errno == EAGAIN || errno == EINTR) return 0;
    fail_errno("recv");
}

std::size_t write_some(int fd, std::string_view bytes) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) return static_cast<std::size_t>(sent);
    if (errno == EAGAIN || errno == EINTR) return 0;
    fail_errno("send");
}

void fail_errno(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

}  // namespace bester::bench
