#include "admin/control_client.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "wire/frame.hpp"

namespace bester::admin {
namespace {

using std::chrono::steady_clock;
using deadline = steady_clock::time_point;

/// Large enough for a status with thousands of handlers, but bounded if the other end sends garbage.
constexpr std::size_t answer_limit = std::size_t{64} << 20;

tl::unexpected<control_error> lost(const char* why) {
    return tl::unexpected(
        control_error{"connection_lost", std::string("the broker closed the control connection: ") + why});
}

tl::expected<void, control_error> wait(int fd, short events, deadline until) {
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - steady_clock::now()).count();
        pollfd waiting{fd, events, 0};
        const int ready = ::poll(&waiting, 1, static_cast<int>(std::max<long long>(left, 0)));
        if (ready > 0) return {};
        if (ready == 0) return tl::unexpected(control_error{"timeout", "the broker did not answer in time"});
        if (errno != EINTR) return lost(std::strerror(errno));
    }
}

tl::expected<void, control_error> write_all(int fd, std::string_view bytes, deadline until) {
    while (!bytes.empty()) {
        if (auto ready = wait(fd, POLLOUT, until); !ready) return ready;
        const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        } else if (errno == EPIPE || errno == ECONNRESET) {
            return {};  // the other end may have sent the reason before it closed: read it
        } else if (errno != EINTR && errno != EAGAIN) {
            return lost(std::strerror(errno));
        }
    }
    return {};
}

tl::expected<std::string, control_error> read_exactly(int fd, std::size_t size, deadline until) {
    std::string bytes(size, '\0');
    for (std::size_t done = 0; done < size;) {
        if (auto ready = wait(fd, POLLIN, until); !ready) return tl::unexpected(ready.error());
        const auto received = ::recv(fd, bytes.data() + done, size - done, MSG_DONTWAIT);
        if (received > 0) {
            done += static_cast<std::size_t>(received);
        } else if (received == 0) {
            return lost("no answer came");
        } else if (errno != EINTR && errno != EAGAIN) {
            return lost(std::strerror(errno));
        }
    }
    return bytes;
}

tl::expected<std::string, control_error> read_frame(int fd, deadline until) {
    const auto length = read_exactly(fd, wire::frame_header_size, until);
    if (!length) return length;
    const auto found = wire::decode_frame(*length, answer_limit);
    if (found.status != wire::frame_status::need_more) return lost("what it sent is no frame");
    return read_exactly(fd, found.missing, until);
}

}  // namespace

tl::expected<control_client, control_error> control_client::connect(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path) {
        return tl::unexpected(control_error{"unreachable", "a socket's path has 1 to 107 bytes: \"" + path + "\""});
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    control_client client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (client.fd_ < 0 || ::connect(client.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        if (errno == EACCES) {
            return tl::unexpected(control_error{"forbidden", "this user may not use the control socket " + path +
                                                                 "; run as the broker's user or as root"});
        }
        return tl::unexpected(control_error{
            "unreachable", "no broker listens on the control socket " + path + " (" + std::strerror(errno) +
                               "); is it running, and is this its --socket or --config?"});
    }
    return client;
}

control_client::control_client(control_client&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

control_client& control_client::operator=(control_client&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}

control_client::~control_client() {
    if (fd_ >= 0) ::close(fd_);
}

tl::expected<nlohmann::json, control_error> control_client::ask(const nlohmann::json& request,
                                                                std::chrono::milliseconds timeout) {
    using nlohmann::json;
    const auto until = steady_clock::now() + timeout;
    const auto body = request.dump(-1, ' ', false, json::error_handler_t::replace);
    std::string frame(wire::frame_header_size, '\0');
    wire::write_frame_length(frame.data(), body.size());
    frame += body;
    if (auto written = write_all(fd_, frame, until); !written) return tl::unexpected(written.error());
    const auto text = read_frame(fd_, until);
    if (!text) return tl::unexpected(text.error());
    auto answer = json::parse(*text, nullptr, false);
    if (!answer.is_object()) return lost("what it sent is no answer");
    if (answer.value("ok", json()) == json(true)) return answer;
    const auto member = [&](const char* key) {
        const auto value = answer.value(json::json_pointer(std::string("/error/") + key), json());
        return value.is_string() ? value.get<std::string>() : std::string("unspecified");
    };
    return tl::unexpected(control_error{member("code"), member("reason")});
}

int control_client::broker_pid() const noexcept {
    ucred peer{};
    socklen_t size = sizeof peer;
    return ::getsockopt(fd_, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : -1;
}

}  // namespace bester::admin
