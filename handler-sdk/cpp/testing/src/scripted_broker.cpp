#include <bester/testing/scripted_broker.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "wire/client_codec.hpp"
#include "wire/frame.hpp"

namespace bester::testing {

namespace {

using clock = std::chrono::steady_clock;
using ordered_json = nlohmann::ordered_json;

constexpr std::size_t largest_frame = std::size_t{64} << 20;

[[noreturn]] void throw_errno(const char* what) { throw std::system_error{errno, std::generic_category(), what}; }

std::string make_directory() {
    std::string path = (std::filesystem::temp_directory_path() / "bester-test-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) throw_errno("mkdtemp");
    return path;
}

}  // namespace

scripted_broker::scripted_broker(unsigned shards, milliseconds limit)
    : shards_{shards}, limit_{limit}, directory_{make_directory()}, socket_path_{directory_ + "/handlers.sock"} {
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener_ < 0) throw_errno("socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket_path_.size() >= sizeof address.sun_path)
        throw std::length_error{"the temporary directory's path is too long"};
    std::memcpy(address.sun_path, socket_path_.c_str(), socket_path_.size() + 1);
    if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) throw_errno("bind");
    if (::listen(listener_, 64) != 0) throw_errno("listen");
}

scripted_broker::~scripted_broker() {
    close_channels();
    ::close(listener_);
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

std::optional<std::size_t> scripted_broker::wait_readable(const std::vector<int>& fds, milliseconds timeout) {
    std::vector<pollfd> watched;
    for (const int fd : fds) watched.push_back({fd, POLLIN, 0});
    watched.push_back({process_, POLLIN, 0});
    const auto deadline = clock::now() + timeout;
    int ready = 0;
    do {
        const auto left = std::chrono::ceil<milliseconds>(deadline - clock::now()).count();
        ready = ::poll(watched.data(), watched.size(), static_cast<int>(left < 0 ? 0 : left));
    } while (ready < 0 && errno == EINTR);
    // What a process wrote before it died counts first.
    for (std::size_t i = 0; i < fds.size(); ++i)
        if (watched[i].revents != 0) return i;
    if (watched.back().revents != 0) throw handler_gone{"the handler process ended"};
    return std::nullopt;
}

nlohmann::json scripted_broker::accept_hello() {
    if (!wait_readable({listener_}, limit_)) throw handler_gone{"the handler did not connect in time"};
    connection accepted{::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC), {}};
    if (accepted.fd < 0) throw_errno("accept");
    timeval write_limit{};
    write_limit.tv_sec = std::chrono::ceil<std::chrono::seconds>(limit_).count();
    ::setsockopt(accepted.fd, SOL_SOCKET, SO_SNDTIMEO, &write_limit, sizeof write_limit);
    connections_.push_back(std::move(accepted));
    return receive_from(connections_.back());
}

void scripted_broker::welcome(const nlohmann::json& fields) {
    const auto shard = static_cast<unsigned>(connections_.size() - 1);
    nlohmann::json frame{{"kind", "welcome"},    {"protocol", 1},
                         {"server", "home"},     {"handler", "test"},
                         {"instance", "test#0"}, {"shard", shard},
                         {"shards", shards_},    {"key", "key"},
                         {"window", 1024},       {"limits", {{"message_size", 1 << 20}, {"recipients", 1000}}},
                         {"config", nullptr}};
    frame.update(fields);
    send(shard, frame);
}

nlohmann::json scripted_broker::attach(const nlohmann::json& fields) {
    nlohmann::json first;
    for (unsigned shard = 0; shard < shards_; ++shard) {
        auto hello = accept_hello();
        if (shard == 0) first = std::move(hello);
        welcome(fields);
    }
    return first;
}

std::string scripted_broker::frame_of(const nlohmann::json& frame) { return wire::make_frame(frame.dump()); }

void scripted_broker::send(unsigned shard, const nlohmann::json& frame) { send_bytes(shard, frame_of(frame)); }

void scripted_broker::send_bytes(unsigned shard, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(connections_.at(shard).fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) throw handler_gone{std::string{"the handler does not read: "} + std::strerror(errno)};
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

std::size_t scripted_broker::try_send_bytes(unsigned shard, std::string_view bytes, milliseconds timeout) {
    pollfd watched{connections_.at(shard).fd, POLLOUT, 0};
    if (::poll(&watched, 1, static_cast<int>(timeout.count())) <= 0) return 0;
    const ssize_t sent = ::send(watched.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent > 0 ? static_cast<std::size_t>(sent) : 0;
}

std::optional<ordered_json> scripted_broker::take_frame(connection& from) {
    auto frame = take_any_frame(from);
    while (frame && frame->is_object() && frame->value("kind", "") == "ready") {
        is_ready_ = true;
        frame = take_any_frame(from);
    }
    return frame;
}

std::optional<ordered_json> scripted_broker::take_any_frame(connection& from) {
    const auto frame = wire::decode_frame(from.unread, largest_frame);
    if (frame.status == wire::frame_status::need_more) return std::nullopt;
    if (frame.status != wire::frame_status::complete) throw handler_gone{"the handler sent bytes that are no frame"};
    auto parsed = ordered_json::parse(frame.body, nullptr, false);
    if (parsed.is_discarded())
        throw handler_gone{"the handler sent a frame that is not JSON: " + std::string{frame.body}};
    from.unread.erase(0, frame.consumed);
    return parsed;
}

bool scripted_broker::read_some(connection& from) {
    std::array<char, 65536> bytes;
    const ssize_t got = ::recv(from.fd, bytes.data(), bytes.size(), 0);
    if (got > 0) from.unread.append(bytes.data(), static_cast<std::size_t>(got));
    return got > 0;
}

ordered_json scripted_broker::receive_from(connection& from) {
    const auto deadline = clock::now() + limit_;
    for (;;) {
        if (auto frame = take_frame(from)) return std::move(*frame);
        const auto left = std::chrono::ceil<milliseconds>(deadline - clock::now());
        if (!wait_readable({from.fd}, left)) throw handler_gone{"the handler sent nothing in time"};
        if (!read_some(from)) throw handler_gone{"the handler closed a channel"};
    }
}

ordered_json scripted_broker::receive(unsigned shard) { return receive_from(connections_.at(shard)); }

std::optional<scripted_broker::received> scripted_broker::receive_any(milliseconds timeout) {
    const auto deadline = clock::now() + timeout;
    for (;;) {
        std::vector<int> fds;
        for (unsigned shard = 0; shard < connections_.size(); ++shard) {
            if (auto frame = take_frame(connections_[shard])) return received{shard, std::move(*frame)};
            fds.push_back(connections_[shard].fd);
        }
        const auto ready = wait_readable(fds, std::chrono::ceil<milliseconds>(deadline - clock::now()));
        if (!ready) return std::nullopt;
        if (!read_some(connections_[*ready])) throw handler_gone{"the handler closed a channel"};
    }
}

void scripted_broker::await_close(unsigned shard) {
    connection& from = connections_.at(shard);
    const auto deadline = clock::now() + limit_;
    do {
        from.unread.clear();
        const auto left = std::chrono::ceil<milliseconds>(deadline - clock::now());
        if (!wait_readable({from.fd}, left)) throw handler_gone{"the handler did not close a channel in time"};
    } while (read_some(from));
}

void scripted_broker::close_after_handler(clock::time_point until) {
    while (!connections_.empty() && clock::now() < until) {
        std::vector<int> fds;
        for (auto& it : connections_) {
            it.unread.clear();
            fds.push_back(it.fd);
        }
        std::optional<std::size_t> ready;
        try {
            ready = wait_readable(fds, std::chrono::ceil<milliseconds>(until - clock::now()));
        } catch (const handler_gone&) {
            return;
        }
        if (!ready) return;
        if (read_some(connections_[*ready])) continue;
        ::close(connections_[*ready].fd);
        connections_.erase(connections_.begin() + static_cast<std::ptrdiff_t>(*ready));
    }
}

void scripted_broker::close_channels() {
    is_ready_ = false;
    for (const auto& it : connections_) ::close(it.fd);
    connections_.clear();
}

}  // namespace bester::testing
