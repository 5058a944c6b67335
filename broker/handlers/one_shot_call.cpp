#include "handlers/one_shot_call.hpp"

#include "coroutines/transfer.hpp"
#include "handlers/handshake_messages.hpp"
#include "wire/frame.hpp"

#include <asio/buffer.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>

#include <sys/socket.h>
#include <sys/un.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

namespace bester::handlers {

namespace {

using protocol = asio::local::stream_protocol;
using clock = std::chrono::steady_clock;

/// Shared with the timer, whose wait may end after the call.
struct conversation {
    explicit conversation(const asio::any_io_executor& executor)
        : socket(executor), deadline(executor), retry(executor) {}

    protocol::socket socket;
    asio::steady_timer deadline;
    asio::steady_timer retry;
    bool timed_out = false;
};

using conversation_ref = std::shared_ptr<conversation>;

void limit_to(const conversation_ref& with, clock::time_point deadline) {
    with->deadline.expires_at(deadline);
    with->deadline.async_wait([weak = std::weak_ptr(with)](const asio::error_code& error) {
        const auto late = weak.lock();
        if (error || !late) return;
        late->timed_out = true;
        late->retry.cancel();
        asio::error_code ignored;
        late->socket.close(ignored);
    });
}

tl::unexpected<one_shot_failure> failure(wire::error_code code, std::string reason) {
    return tl::unexpected(one_shot_failure{code, std::move(reason)});
}

/// Asio's connect is not used: connect() of a UNIX socket is never "in progress", but fails with EAGAIN while the
/// listener's backlog is full, which Asio 1.22 would confuse.
asio::error_code connect_now(protocol::socket& socket, const std::string& path) {
    asio::error_code error;
    if (!socket.is_open()) {
        socket.open(protocol(), error);
        if (error) return error;
    }
    socket.non_blocking(true, error);
    const protocol::endpoint endpoint(path);
    if (!error && ::connect(socket.native_handle(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0)
        error.assign(errno, asio::system_category());
    return error;
}

asio::awaitable<asio::error_code> connect(conversation_ref with, std::string path) {
    std::chrono::milliseconds pause{1};
    while (!with->timed_out) {
        asio::error_code error = connect_now(with->socket, path);
        // A full backlog means a busy handler, not a missing one.
        if (error != asio::error::try_again && error != asio::error::interrupted) co_return error;
        with->retry.expires_after(pause);
        pause = std::min(pause * 2, std::chrono::milliseconds(50));
        co_await with->retry.async_wait(asio::redirect_error(coroutines::awaited, error));
    }
    co_return asio::error::timed_out;
}

asio::awaitable<one_shot_result> read_answer(conversation_ref with, std::size_t size_limit) {
    std::string received;
    std::array<char, 4096> buffer;
    for (;;) {
        asio::error_code error;
        const std::size_t count = co_await with->socket.async_read_some(
            asio::buffer(buffer), asio::redirect_error(coroutines::awaited, error));
        received.append(buffer.data(), count);
        const auto frame = wire::decode_frame(received, size_limit);
        if (frame.status == wire::frame_status::complete) co_return decode_one_shot_answer(frame.body);
        if (frame.status == wire::frame_status::too_large)
            co_return failure(wire::error_code::handler_failed,
                              "the handler's answer is larger than " + std::to_string(size_limit) + " bytes");
        if (frame.status == wire::frame_status::too_short)
            co_return failure(wire::error_code::handler_failed, "the handler's answer is no frame");
        if (error || with->timed_out)
            co_return failure(wire::error_code::handler_failed,
                              "the handler closed the connection before it had answered");
    }
}

asio::awaitable<one_shot_result> converse(conversation_ref with, std::string path, std::string data,
                                          std::size_t size_limit) {
    const asio::error_code refused = co_await connect(with, path);
    if (refused)
        co_return failure(wire::error_code::handler_unavailable,
                          "cannot connect to '" + path + "': " + refused.message());
    const std::string frame = frame_of(data);
    co_await coroutines::write_whole(with->socket, frame);
    // A handler may answer before it has read everything; its answer counts.
    co_return co_await read_answer(with, size_limit);
}

}  // namespace

asio::awaitable<one_shot_result> call_one_shot(std::string socket_path, std::string data,
                                               std::chrono::steady_clock::time_point deadline, std::size_t size_limit) {
    if (socket_path.size() >= sizeof(sockaddr_un::sun_path))
        co_return failure(wire::error_code::handler_unavailable, "the socket path '" + socket_path + "' is too long");
    const auto with = std::make_shared<conversation>(co_await asio::this_coro::executor);
    limit_to(with, deadline);
    one_shot_result result = co_await converse(with, std::move(socket_path), std::move(data), size_limit);
    with->deadline.cancel();
    if (!result && with->timed_out)
        co_return failure(wire::error_code::handler_timeout, "the handler did not answer within its deadline");
    co_return result;
}

}  // namespace bester::handlers
