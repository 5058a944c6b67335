#include "exchange/parting_sockets.hpp"

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "exchange/shard.hpp"

namespace bester::exchange {

parting_sockets::parting_sockets(shard& on) noexcept : shard_{on} {
    constexpr std::size_t least = 4, most = 256;
    rlimit descriptors{};
    const bool is_known = ::getrlimit(RLIMIT_NOFILE, &descriptors) == 0 && descriptors.rlim_cur != RLIM_INFINITY;
    const std::size_t share = is_known ? descriptors.rlim_cur / 40 / std::max(1u, on.settings().shards) : most;
    most_ = std::clamp(share, least, most);
}

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
    if (free_.empty() && places_.size() < most_) {
        free_.reserve(places_.size() + 1);
        return places_.emplace_back(*this);
    }
    // Round and round, so that it is one of the oldest.
    if (free_.empty()) close(places_[next_victim_++ % places_.size()]);
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
