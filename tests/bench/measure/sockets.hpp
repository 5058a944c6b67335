#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace bester::bench {

/// An open descriptor, closed at the end of its life. Move-only; belongs to one thread.
class unique_fd {
public:
    unique_fd() = default;
    explicit unique_fd(int fd) noexcept : fd_(fd) {}
    unique_fd(unique_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    unique_fd& operator=(unique_fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~unique_fd();

    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    void reset() noexcept { *this = unique_fd{}; }

private:
    int fd_ = -1;
};

/// The functions below throw std::system_error, which names the call that failed: a benchmark
/// has nothing better to do than to end. Loopback addresses only.
struct tcp_listener {
    unique_fd fd;
    std::uint16_t port = 0;
};
tcp_listener listen_tcp(std::uint16_t port);
unique_fd connect_tcp(std::uint16_t port);
unique_fd listen_unix(const std::string& path);
unique_fd connect_unix(const std::string& path);

void set_nodelay(int fd);
void set_nonblocking(int fd);
/// Raises the limit of open files to the hard limit.
void raise_descriptor_limit();
/// Asks for send and receive buffers of this size, so that one write can carry one loop turn.
void set_buffers(int fd, int bytes);

/// Reads once; 0 when nothing is there now. Throws when the peer is gone.
std::size_t read_some(int fd, char* into, std::size_t size);
/// Writes once; 0 when there is no room now.
std::size_t write_some(int fd, std::string_view bytes);

[[noreturn]] void fail_errno(const char* what);

}  // namespace bester::bench
