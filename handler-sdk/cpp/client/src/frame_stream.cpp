#include "frame_stream.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include <poll.h>
#include <sys/socket.h>

#include "wire/frame.hpp"

namespace bester::client_detail {
namespace {

constexpr std::size_t read_size = std::size_t{64} << 10;
/// Read at one go at most, so that a fast sender cannot keep `wait` from returning.
constexpr std::size_t read_budget = std::size_t{1} << 20;

}  // namespace

frame_stream::frame_stream(file_descriptor socket, std::size_t receive_limit, std::optional<tls_session> tls)
    : socket_(std::move(socket)), receive_limit_(receive_limit), tls_(std::move(tls)) {}

frame_stream::~frame_stream() {
    if (!tls_ || failure_) return;
    tls_->farewell();
    [[maybe_unused]] const auto sent =
        ::send(socket_.get(), output().data() + written_, output().size() - written_, MSG_NOSIGNAL);
}

void frame_stream::enqueue(std::string_view body) {
    char length[wire::frame_header_size];
    wire::write_frame_length(length, body.size());
    if (tls_) {
        tls_->send(std::string(length, sizeof length).append(body));  // one record for a small frame
        if (!tls_->failure().empty()) fail("tls_failed", tls_->failure());
        return;
    }
    output_.append(length, sizeof length);
    output_.append(body);
}

bool frame_stream::wait(deadline until) {
    if (failure_) return false;
    pollfd waiting{socket_.get(), static_cast<short>(POLLIN | (has_output() ? POLLOUT : 0)), 0};
    int ready = 0;
    do {
        ready = ::poll(&waiting, 1, remaining_milliseconds(until));
    } while (ready < 0 && errno == EINTR);
    if (ready == 0) return false;
    if (ready < 0) {
        fail("connection_lost", std::string("cannot wait for the broker: ") + std::strerror(errno));
        return true;
    }
    // Read first: what the broker said before it closed is worth more than a failed write.
    if ((waiting.revents & (POLLIN | POLLHUP | POLLERR)) != 0) read();
    if (!failure_ && (waiting.revents & POLLOUT) != 0) write();
    return true;
}

void frame_stream::read() {
    if (consumed_ > 0) {
        input_.erase(0, consumed_);
        consumed_ = 0;
    }
    for (std::size_t total = 0; total < read_budget;) {
        const auto received = receive();
        const int error = errno;
        if (failure_) return;
        if (received == 0) return fail("connection_lost", "the broker closed the connection");
        if (received < 0) {
            if (error == EINTR) continue;
            if (error != EAGAIN && error != EWOULDBLOCK) {
                fail("connection_lost", std::string("the connection broke: ") + std::strerror(error));
            }
            return;
        }
        if (static_cast<std::size_t>(received) < read_size) return;
        total += static_cast<std::size_t>(received);
    }
}

/// Like recv(2), of what lands at the end of the input.
ssize_t frame_stream::receive() {
    const auto before = input_.size();
    input_.resize(before + read_size);
    const auto received = ::recv(socket_.get(), input_.data() + before, read_size, 0);
    const int error = errno;
    const std::size_t size = received > 0 ? static_cast<std::size_t>(received) : 0;
    if (tls_ && size > 0) {
        const std::string ciphered(input_, before, size);
        input_.resize(before);
        const bool goes_on = tls_->receive(ciphered, input_);
        if (!goes_on && tls_->failure().empty()) return 0;
        if (!goes_on) {
            fail("tls_failed", tls_->failure());
            write();  // what tells the other side why
        }
        return received;
    }
    input_.resize(before + size);
    errno = error;
    return received;
}

void frame_stream::write() {
    while (has_output()) {
        const auto sent = ::send(socket_.get(), output().data() + written_, output().size() - written_, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EINTR) continue;
            if (errno == EAGAIN || errno == EWOULDBLOCK) return;
            const std::string why = std::strerror(errno);
            if (!failure_) read();  // the broker may have said why it closed
            if (!failure_) fail("connection_lost", "the connection broke: " + why);
            return;
        }
        written_ += static_cast<std::size_t>(sent);
    }
    output().clear();
    written_ = 0;
}

std::optional<std::string> frame_stream::next_frame() {
    const auto found = wire::decode_frame(std::string_view(input_).substr(consumed_), receive_limit_);
    switch (found.status) {
        case wire::frame_status::need_more: return std::nullopt;
        case wire::frame_status::complete: consumed_ += found.consumed; return std::string(found.body);
        case wire::frame_status::too_short: fail("bad_frame", "the broker sent a frame without content"); break;
        case wire::frame_status::too_large:
            fail("too_large", "the broker sent a frame of more than the " + std::to_string(receive_limit_) +
                                  " bytes that client_options::receive_size allows");
            break;
    }
    // Nothing after this can be trusted.
    input_.clear();
    consumed_ = 0;
    return std::nullopt;
}

void frame_stream::fail(std::string code, std::string reason) {
    // The first reason is the true one.
    if (!failure_) failure_ = error_info{std::move(code), std::move(reason), true};
}

}  // namespace bester::client_detail
