#include "peering/link/legacy_sender.hpp"

#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>

#include "coroutines/spawn.hpp"
#include "coroutines/transfer.hpp"
#include "peering/link/as_tuple.hpp"
#include "peering/link/host_lookup.hpp"
#include "peering/link/host_port.hpp"
#include "wire/client_codec.hpp"

namespace bester::peering {

namespace {

constexpr auto farewell = std::chrono::seconds{1};

struct conversation {
    explicit conversation(const asio::any_io_executor& executor)
        : resolver{executor}, socket{executor}, timer{executor} {}
    asio::ip::tcp::resolver resolver;
    asio::ip::tcp::socket socket;
    asio::steady_timer timer;
    bool is_late = false;
};

/// Returns an empty text on success, else the reason.
asio::awaitable<std::string> hand_over(std::string address, std::string frame,
                                       std::chrono::steady_clock::time_point deadline) {
    const auto with = std::make_shared<conversation>(co_await asio::this_coro::executor);
    with->timer.expires_at(deadline);
    with->timer.async_wait([weak = std::weak_ptr<conversation>{with}](std::error_code error) {
        const auto late = weak.lock();
        if (error || !late) return;
        std::error_code ignored;
        late->is_late = true;
        late->resolver.cancel();
        late->socket.close(ignored);
    });
    const auto words = [&](std::error_code error) {
        return address + ": " + (with->is_late ? "not done within peering.deadline" : error.message());
    };
    const auto [host, port] = split_host_port(address);
    const auto [unresolved, found] = co_await look_up(with->resolver, host, port);
    if (unresolved) co_return words(unresolved);
    const auto unconnected = co_await coroutines::connect_to_any(with->socket, found);
    if (unconnected) co_return words(unconnected);
    const auto unwritten = co_await coroutines::write_whole(with->socket, frame);
    if (unwritten) co_return words(unwritten);
    std::error_code ignored;
    with->socket.shutdown(asio::socket_base::shutdown_send, ignored);
    // Closing could reset the connection before the other side has read everything, so it may close first.
    with->timer.expires_after(farewell);
    with->timer.async_wait([weak = std::weak_ptr<conversation>{with}](std::error_code error) {
        const auto late = weak.lock();
        if (!error && late) late->socket.close(error);
    });
    char rest[256];
    for (;;) {
        const auto [ended, got] = co_await with->socket.async_read_some(asio::buffer(rest), as_tuple);
        if (ended) co_return std::string{};
    }
}

}  // namespace

std::string legacy_frame(std::string_view type_token, std::string_view data) {
    // Newer original daemons take no payload without an id, older ones do not look at it.
    std::string body = R"({"header":{"scope":"server"},"payload":{"id":"","type":)";
    body.append(type_token).append(R"(,"data":)").append(data).append("}}");
    return wire::make_frame(body);
}

void legacy_sender::send(std::string address, std::string frame, std::chrono::milliseconds limit,
                         std::size_t most_waiting, completion done) {
    job what{std::move(address), std::move(frame), std::chrono::steady_clock::now() + limit, std::move(done)};
    if (connections_ < most_connections_) return begin(std::move(what));
    if (waiting_.size() >= most_waiting)
        return what.done(wire::error_code::busy,
                         "too many messages wait for original daemons (peering.queue_messages)");
    waiting_.push_back(std::move(what));
}

void legacy_sender::begin(job what) {
    ++connections_;
    auto work = hand_over(std::move(what.address), std::move(what.frame), what.deadline);
    coroutines::spawn(
        control_, std::move(work),
        [self = shared_from_this(), done = std::move(what.done)](std::exception_ptr escaped, std::string failure) {
            if (escaped) failure = "internal error";
            const auto code = failure.empty() ? wire::error_code::none : wire::error_code::peer_unreachable;
            done(code, std::move(failure));
            self->ended();
        });
}

void legacy_sender::ended() {
    --connections_;
    if (waiting_.empty()) return;
    job next = std::move(waiting_.front());
    waiting_.pop_front();
    begin(std::move(next));
}

}  // namespace bester::peering
