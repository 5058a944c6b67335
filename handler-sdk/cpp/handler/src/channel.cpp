#include "channel.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace bester::detail {

namespace {

// The broker is trusted with its limits; this only refuses what cannot be a frame at all.
constexpr std::size_t largest_frame = std::size_t{1} << 30;
constexpr std::size_t smallest_read = std::size_t{16} << 10;

}  // namespace

channel::read_status channel::receive() {
    const auto room = input_.prepare(std::max(smallest_read, missing_));
    ssize_t got = 0;
    do {
        got = ::recv(socket_.get(), room.data(), room.size(), 0);
    } while (got < 0 && errno == EINTR);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return read_status::dry;
    if (got <= 0) return read_status::closed;
    input_.commit(static_cast<std::size_t>(got));
    was_filled_ = static_cast<std::size_t>(got) == room.size();
    return read_status::received;
}

wire::frame_result channel::next_frame() {
    const auto frame = wire::decode_frame(input_.unread(), largest_frame);
    missing_ = frame.missing;
    if (frame.status == wire::frame_status::complete) input_.consume(frame.consumed);
    return frame;
}

bool channel::flush() {
    while (!output_.empty()) {
        const auto waiting = output_.view();
        const ssize_t sent = ::send(socket_.get(), waiting.data(), waiting.size(), MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EINTR) continue;
            return errno == EAGAIN || errno == EWOULDBLOCK;
        }
        output_.consume(static_cast<std::size_t>(sent));
        if (static_cast<std::size_t>(sent) < waiting.size()) return true;
    }
    return true;
}

}  // namespace bester::detail
