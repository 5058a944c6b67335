#include "handlers/handshake.hpp"

#include "coroutines/transfer.hpp"
#include "exchange/socket_file.hpp"
#include "handlers/spawn.hpp"
#include "log/log.hpp"
#include "wire/counted.hpp"
#include "wire/frame.hpp"

#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <list>
#include <optional>
#include <stdexcept>
#include <system_error>

namespace bester::handlers {

namespace {

using protocol = asio::local::stream_protocol;

/// Handlers may run as other users; the handshake checks who they are.
constexpr mode_t everybody = 0666;

/// A connection before its welcome.
struct unfinished_handshake {
    unfinished_handshake(asio::io_context& io, protocol::socket accepted) : socket(std::move(accepted)), deadline(io) {}

    void close() {
        asio::error_code ignored;
        socket.close(ignored);
    }

    protocol::socket socket;
    asio::steady_timer deadline;
    std::string received;
    bool timed_out = false;
};

peer_credentials credentials_of(int fd) {
    ucred found{};
    socklen_t size = sizeof found;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &found, &size) != 0) return {0, static_cast<uid_t>(-1)};
    return {found.pid, found.uid};
}

exchange::listening_socket listen(const std::string& path) {
    try {
        return exchange::listen_on_path(path, everybody, asio::socket_base::max_listen_connections);
    } catch (const std::runtime_error& error) {
        throw std::runtime_error("handlers: cannot listen on '" + path + "': " + error.what() +
                                 "; stop what is there, or choose another server.runtime_directory");
    }
}

}  // namespace

/// Outlives the listener while coroutines are pending; `closed` makes them end.
struct handshake_listener::shared_state : std::enable_shared_from_this<shared_state> {
    using connection = std::shared_ptr<unfinished_handshake>;

    shared_state(asio::io_context& context, const std::string& socket_path, handshake_decisions made,
                 handshake_limits bounds)
        : io(context),
          path(socket_path),
          decisions(std::move(made)),
          limits(bounds),
          listening(listen(socket_path)),
          acceptor(context, protocol(), listening.fd),
          pause(context) {
        acceptor.non_blocking(true);
    }

    asio::awaitable<void> accept_all();
    asio::awaitable<void> shake_hands(connection with);
    asio::awaitable<std::optional<std::string>> read_hello(connection from, std::optional<refusal>& problem);
    asio::awaitable<void> refuse(connection to, refusal why, peer_credentials who);
    void begin(protocol::socket socket);
    void hand_over(const connection& from, const admission& admitted);
    void close();

    asio::io_context& io;
    std::string path;
    handshake_decisions decisions;
    handshake_limits limits;
    exchange::listening_socket listening;
    protocol::acceptor acceptor;
    asio::steady_timer pause;
    std::list<connection> unfinished;  // oldest first
    bool closed = false;
};

asio::awaitable<void> handshake_listener::shared_state::accept_all() {
    while (!closed) {
        try {
            asio::error_code error;
            co_await acceptor.async_wait(protocol::acceptor::wait_read,
                                         asio::redirect_error(coroutines::awaited, error));
            if (closed) co_return;
            if (!error) {
                protocol::socket socket = acceptor.accept(error);
                if (!error) begin(std::move(socket));
            }
            if (!error || error == asio::error::connection_aborted || error == asio::error::would_block) continue;
            // Most likely there are no descriptors left: trying again at once would only spin.
            log::warning("handlers: cannot accept a connection on '{}': {}; trying again in 100 ms", path,
                         error.message());
            pause.expires_after(std::chrono::milliseconds(100));
            co_await pause.async_wait(asio::redirect_error(coroutines::awaited, error));
        } catch (const std::bad_alloc&) {
            coroutines::wait_for_memory();
        } catch (const std::exception& failed) {
            log::error("handlers: a connection on '{}' was closed by an unexpected error: {}", path, failed.what());
        }
    }
}

void handshake_listener::shared_state::begin(protocol::socket socket) {
    if (unfinished.size() >= limits.unfinished) {
        // A handler sends its hello at once, so the oldest connection is the least likely to be one.
        log::warning("handlers: {} without a hello; closing the oldest (pid {})",
                     wire::counted(unfinished.size(), "connection"),
                     credentials_of(unfinished.front()->socket.native_handle()).pid);
        unfinished.front()->close();
        unfinished.pop_front();
    }
    auto fresh = std::make_shared<unfinished_handshake>(io, std::move(socket));
    unfinished.push_back(fresh);
    fresh->deadline.expires_after(limits.hello_timeout);
    fresh->deadline.async_wait([weak = std::weak_ptr(fresh)](const asio::error_code& error) {
        const auto late = weak.lock();
        if (error || !late) return;
        late->timed_out = true;
        // Wakes the reader, which can still write an error frame.
        asio::error_code ignored;
        late->socket.cancel(ignored);
    });
    spawn(io, "handlers: handshake", [self = shared_from_this(), fresh]() -> asio::awaitable<void> {
        co_await self->shake_hands(fresh);
        fresh->deadline.cancel();
        self->unfinished.remove(fresh);
        fresh->close();
    });
}

asio::awaitable<std::optional<std::string>> handshake_listener::shared_state::read_hello(
    connection from, std::optional<refusal>& problem) {
    std::string& received = from->received;
    for (;;) {
        const auto frame = wire::decode_frame(received, limits.hello_size);
        if (frame.status == wire::frame_status::complete) {
            std::string body(frame.body);
            received.erase(0, frame.consumed);
            co_return body;
        }
        if (frame.status != wire::frame_status::need_more) {
            problem = refusal{wire::error_code::bad_hello,
                              "a hello is a frame of 2 to " + std::to_string(limits.hello_size) + " bytes"};
            co_return std::nullopt;
        }
        const std::size_t before = received.size();
        received.resize(before + 4096);
        asio::error_code error;
        const std::size_t count = co_await from->socket.async_read_some(
            asio::buffer(received.data() + before, 4096), asio::redirect_error(coroutines::awaited, error));
        received.resize(before + count);
        if (!error && !from->timed_out) continue;
        if (from->timed_out)
            problem = refusal{wire::error_code::bad_hello,
                              "no hello within " + std::to_string(limits.hello_timeout.count()) + " ms"};
        co_return std::nullopt;
    }
}

asio::awaitable<void> handshake_listener::shared_state::shake_hands(connection with) {
    const peer_credentials who = credentials_of(with->socket.native_handle());
    std::optional<refusal> problem;
    const std::optional<std::string> text = co_await read_hello(with, problem);
    if (closed) co_return;
    if (!text) {
        if (problem) co_await refuse(with, *problem, who);
        co_return;
    }
    const auto hello = parse_hello(*text);
    if (!hello) {
        co_await refuse(with, hello.error(), who);
        co_return;
    }
    const auto admitted = decisions.admit(*hello, who);
    if (!admitted) {
        co_await refuse(with, admitted.error(), who);
        co_return;
    }
    const std::string frame = frame_of(admitted->welcome);
    const asio::error_code error = co_await coroutines::write_whole(with->socket, frame);
    if (closed) co_return;
    if (error || with->timed_out)
        decisions.failed(admitted->instance, "the welcome of channel " + std::to_string(admitted->shard) +
                                                 " could not be sent: " + error.message());
    else hand_over(with, *admitted);
}

void handshake_listener::shared_state::hand_over(const connection& from, const admission& admitted) {
    channel_offer offer{channel_facts{admitted}, -1, std::move(from->received)};
    asio::error_code error;
    offer.fd = from->socket.release(error);
    if (error) {
        decisions.failed(admitted.instance, "its socket could not be released: " + error.message());
        return;
    }
    ::fcntl(offer.fd, F_SETFL, ::fcntl(offer.fd, F_GETFL) | O_NONBLOCK);
    decisions.opened(std::move(offer));
}

asio::awaitable<void> handshake_listener::shared_state::refuse(connection to, refusal why, peer_credentials who) {
    log::warning("handlers: refused a connection of pid {} (user id {}): {}: {}", who.pid, who.uid,
                 wire::describe(why.code).text, why.reason);
    const std::string frame = frame_of(encode(why));
    co_await coroutines::write_whole(to->socket, frame);
}

void handshake_listener::shared_state::close() {
    if (closed) return;
    closed = true;
    asio::error_code ignored;
    acceptor.close(ignored);
    pause.cancel();
    for (const connection& each : unfinished) {
        each->deadline.cancel();
        each->close();
    }
    unfinished.clear();
    listening.file.remove();
}

handshake_listener::handshake_listener(asio::io_context& io, const std::string& path, handshake_decisions decisions,
                                       handshake_limits limits)
    : state_(std::make_shared<shared_state>(io, path, std::move(decisions), limits)) {
    spawn(io, "handlers: accepting on '" + path + "'",
          [state = state_]() -> asio::awaitable<void> { co_await state->accept_all(); });
}

handshake_listener::~handshake_listener() { close(); }

void handshake_listener::close() { state_->close(); }

}  // namespace bester::handlers
