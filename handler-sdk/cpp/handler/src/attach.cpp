#include "attach.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <nlohmann/json.hpp>

namespace bester::detail {

namespace {

using json = nlohmann::json;
using clock = std::chrono::steady_clock;

/// Thrown inside this file: each step of the sequence may end it.
struct failed {
    attach_failure failure;
};

[[noreturn]] void fail(std::string reason) {
    throw failed{{attach_failure::kind::unreachable, "unreachable", std::move(reason)}};
}

file_descriptor connect_to(const attach_settings& settings) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (settings.socket.size() >= sizeof address.sun_path)
        fail("the path of the socket " + settings.socket + " is too long");
    std::memcpy(address.sun_path, settings.socket.c_str(), settings.socket.size() + 1);
    file_descriptor socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (!socket) fail(std::string{"cannot make a socket: "} + std::strerror(errno));
    // Limits how long connect() waits for room in a full backlog.
    timeval limit{};
    limit.tv_sec = std::chrono::ceil<std::chrono::seconds>(settings.timeout).count();
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        fail("cannot connect to " + settings.socket + ": " + std::strerror(errno));
    ::fcntl(socket.get(), F_SETFL, ::fcntl(socket.get(), F_GETFL) | O_NONBLOCK);
    return socket;
}

void wait_for(channel& stream, short events, int stop_fd, clock::time_point deadline) {
    pollfd watched[2]{{stream.fd(), events, 0}, {stop_fd, POLLIN, 0}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now()).count();
    if (left <= 0) fail("the broker did not answer the hello in time");
    const int ready = ::poll(watched, 2, static_cast<int>(left));
    if (ready > 0 && watched[1].revents != 0) throw failed{{attach_failure::kind::interrupted, "interrupted", ""}};
}

json say_hello(channel& stream, const nlohmann::ordered_json& hello, const attach_settings& settings, int stop_fd) {
    const auto deadline = clock::now() + settings.timeout;
    stream.output().begin_frame();
    stream.output().append(hello.dump());
    stream.output().end_frame();
    for (;;) {
        if (!stream.flush()) fail("the broker closed the connection");
        if (stream.output().empty()) break;
        wait_for(stream, POLLOUT, stop_fd, deadline);
    }
    for (;;) {
        const auto frame = stream.next_frame();
        if (frame.status == wire::frame_status::complete) return json::parse(frame.body);
        if (frame.status != wire::frame_status::need_more) fail("the answer to the hello is no frame");
        wait_for(stream, POLLIN, stop_fd, deadline);
        if (stream.receive() == channel::read_status::closed) fail("the broker closed the connection");
    }
}

void require_welcome(const json& answer) {
    const auto kind = answer.value("kind", "");
    if (kind == "error")
        throw failed{{attach_failure::kind::refused, answer.value("code", ""), answer.value("reason", "")}};
    if (kind != "welcome") fail("the hello was answered by \"" + kind + "\"");
}

welcome read_welcome(const json& answer) {
    welcome greeting;
    greeting.server = answer.value("server", "");
    greeting.handler = answer.value("handler", "");
    greeting.instance = answer.value("instance", "");
    greeting.shards = answer.value("shards", 1U);
    greeting.window = answer.value("window", std::size_t{0});
    const json limits = answer.value("limits", json::object());
    greeting.message_size = limits.value("message_size", std::size_t{1} << 20);
    greeting.recipients = limits.value("recipients", std::size_t{0});
    greeting.config = answer.value("config", json{});
    return greeting;
}

attachment attach_all(const attach_settings& settings, int stop_fd) {
    attachment made;
    nlohmann::ordered_json hello{
        {"kind", "hello"}, {"protocol", 1}, {"handler", settings.handler}, {"ping", true}, {"ready", true}};
    if (!settings.token.empty()) hello["token"] = settings.token;
    if (!settings.events.empty()) hello["events"] = settings.events;
    channel first{connect_to(settings)};
    const json answer = say_hello(first, hello, settings, stop_fd);
    require_welcome(answer);
    made.greeting = read_welcome(answer);
    made.channels.push_back(std::move(first));
    for (unsigned shard = 1; shard < made.greeting.shards; ++shard) {
        const nlohmann::ordered_json further{{"kind", "hello"},
                                             {"protocol", 1},
                                             {"handler", settings.handler},
                                             {"key", answer.value("key", "")},
                                             {"shard", shard}};
        channel next{connect_to(settings)};
        require_welcome(say_hello(next, further, settings, stop_fd));
        made.channels.push_back(std::move(next));
    }
    return made;
}

}  // namespace

std::variant<attachment, attach_failure> attach(const attach_settings& settings, int stop_fd) {
    try {
        return attach_all(settings, stop_fd);
    } catch (const failed& why) {
        return why.failure;
    } catch (const json::exception& mistake) {
        return attach_failure{attach_failure::kind::unreachable, "bad_welcome",
                              std::string{"the broker's welcome is not understood: "} + mistake.what()};
    }
}

}  // namespace bester::detail
