#include "exchange/parting_sockets.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "exchange/shard.hpp"

namespace bester::exchange {

parting_sockets::~parting_sockets() {
    for (place& each : places_)
        if (each.fd >= 0) ::close(each.fd);
}

void parting_sockets::add(int fd) noexcept {
    const auto watch = [&] {
        place& taken = free_place();
        taken.fd = fd;
        taken.deadline_ms = shard_.now_ms() + longest_ms;
        if (!shard_.guarded("a socket that parts", [&] { shard_.loop().add(fd, EPOLLIN, taken); })) return close(taken);
        shard_.wake_sweep();
    };
    if (::shutdown(fd, SHUT_WR) != 0 || !shard_.guarded("a socket that parts", watch)) ::close(fd);
}

parting_sockets::place& parting_sockets::free_place() {
    if (free_.empty() && places_.size() < most) {
        free_.reserve(places_.size() + 1);
        return places_.emplace_back(*this);
    }
    // In turn, which is nearly by age.
    if (free_.empty()) close(places_[next_victim_++ % most]);
    place& found = *free_.back();
    free_.pop_back();
    return found;
}

void parting_sockets::close(place& which) noexcept {
    shard_.loop().remove(which.fd);
    ::close(which.fd);
    which.fd = -1;
    free_.push_back(&which);
}

bool parting_sockets::sweep(std::uint64_t now_ms) {
    for (place& each : places_)
        if (each.fd >= 0 && now_ms >= each.deadline_ms) close(each);
    return free_.size() < places_.size();
}

void parting_sockets::place::on_ready(std::uint32_t) {
    if (fd < 0) return;
    const auto buffer = owner.shard_.receive_buffer();
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR))) return;
    owner.close(*this);
}

void parting_sockets::place::fail() noexcept {
    if (fd >= 0) owner.close(*this);
}

}  // namespace bester::exchange
