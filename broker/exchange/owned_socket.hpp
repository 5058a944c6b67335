#pragma once

#include <unistd.h>

#include <utility>

namespace bester::exchange {

/// A descriptor, mostly of a socket, that is closed with the object which holds it. Any thread, one at a time.
class owned_socket {
public:
    owned_socket() = default;
    /// Takes over `fd`; negative: there is none.
    explicit owned_socket(int fd) noexcept : fd_{fd} {}
    owned_socket(owned_socket&& other) noexcept : fd_{other.release()} {}
    owned_socket& operator=(owned_socket&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~owned_socket() {
        if (fd_ >= 0) ::close(fd_);
    }

    int get() const noexcept { return fd_; }
    /// Gives the descriptor to the caller, which must close it.
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

private:
    int fd_ = -1;
};

}  // namespace bester::exchange
