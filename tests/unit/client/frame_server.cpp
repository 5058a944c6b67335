#include "frame_server.hpp"

#include <cstring>
#include <stdexcept>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace bester::test {
namespace {

constexpr int wait_milliseconds = 10'000;

bool is_ready(int fd, short events) {
    pollfd waiting{fd, events, 0};
    return ::poll(&waiting, 1, wait_milliseconds) == 1;
}

bool read_exactly(int fd, char* out, std::size_t size) {
    while (size > 0) {
        if (!is_ready(fd, POLLIN)) return false;
        const auto received = ::recv(fd, out, size, 0);
        if (received <= 0) return false;
        out += received;
        size -= static_cast<std::size_t>(received);
    }
    return true;
}

}  // namespace

server_side::server_side(int fd) : fd_(fd) {}

std::optional<std::string> server_side::read_frame() {
    unsigned char length[4];
    if (!read_exactly(fd_, reinterpret_cast<char*>(length), sizeof length)) return std::nullopt;
    std::string body(length[0] | length[1] << 8 | length[2] << 16 | length[3] << 24, '\0');
    if (!read_exactly(fd_, body.data(), body.size())) return std::nullopt;
    return body;
}

std::string server_side::accept_login(const std::string& user) {
    auto login = read_frame().value_or("");
    write_frame(R"({"header":{"messageType":"statusReport","status":"good"},"payload":{"id":"auth_special","user":")" +
                user + "\"}}");
    return login;
}

void server_side::write_frame(std::string_view body) {
    std::string bytes;
    for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<char>(body.size() >> shift & 0xff));
    bytes += body;
    write_bytes(bytes);
}

void server_side::write_bytes(std::string_view bytes) {
    while (!bytes.empty() && is_ready(fd_, POLLOUT)) {
        const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0) return;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

void server_side::say_good(const std::string& id, int delivered) {
    write_frame(R"({"header":{"messageType":"statusReport","status":"good"},"payload":{"id":")" + id +
                R"(","delivered":)" + std::to_string(delivered) + "}}");
}

void server_side::deliver(const std::string& type, const std::string& data, const std::string& id) {
    write_frame(R"({"header":{"messageType":"receivedMessage"},"payload":{"type":")" + type + R"(","data":)" + data +
                (id.empty() ? "" : R"(,"id":")" + id + "\"") + "}}");
}

void server_side::close() {
    ::shutdown(fd_, SHUT_WR);
    while (read_frame()) {}
}

frame_server::frame_server(std::vector<script> scripts, std::string path) : path_(std::move(path)) {
    const bool is_unix = !path_.empty();
    listener_ = ::socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un unix_address{};
    sockaddr_in tcp_address{};
    auto* address = reinterpret_cast<sockaddr*>(&tcp_address);
    socklen_t size = sizeof tcp_address;
    if (is_unix) {
        unix_address.sun_family = AF_UNIX;
        std::strncpy(unix_address.sun_path, path_.c_str(), sizeof unix_address.sun_path - 1);
        address = reinterpret_cast<sockaddr*>(&unix_address);
        size = sizeof unix_address;
    } else {
        tcp_address.sin_family = AF_INET;
        tcp_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }
    if (::bind(listener_, address, size) != 0 || ::listen(listener_, 8) != 0) {
        throw std::runtime_error("the test's server cannot listen");
    }
    if (is_unix) {
        endpoint_ = "unix:" + path_;
    } else {
        ::getsockname(listener_, address, &size);
        endpoint_ = "127.0.0.1:" + std::to_string(ntohs(tcp_address.sin_port));
    }
    thread_ = std::thread([this, scripts = std::move(scripts)] { serve(scripts); });
}

void frame_server::serve(const std::vector<script>& scripts) {
    for (const auto& run : scripts) {
        if (!is_ready(listener_, POLLIN)) return;
        const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (fd < 0) return;
        server_side side(fd);
        run(side);
        ::close(fd);
    }
}

void frame_server::finish() {
    if (thread_.joinable()) thread_.join();
}

frame_server::~frame_server() {
    finish();
    ::close(listener_);
    if (!path_.empty()) ::unlink(path_.c_str());
}

}  // namespace bester::test
