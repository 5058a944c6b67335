#include "admin/control_server.hpp"

#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include <unistd.h>
#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/io_context.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>

#include "admin/control_requests.hpp"
#include "admin/control_socket.hpp"
#include "admin/control_target.hpp"
#include "coroutines/spawn.hpp"
#include "coroutines/transfer.hpp"
#include "exchange/undo.hpp"
#include "log/log.hpp"
#include "wire/counted.hpp"
#include "wire/frame.hpp"

namespace bester::admin {
namespace {

using protocol = asio::local::stream_protocol;

/// One administrator's connection. Shared by its coroutine, its timer and an answer that is still
/// being made, any of which may be the last to need it.
struct connection {
    explicit connection(protocol::socket taken) : socket(std::move(taken)), timer(socket.get_executor()) {}

    /// Sets the time after which the connection is closed.
    static void set_deadline(const std::shared_ptr<connection>& self, std::chrono::milliseconds timeout) {
        self->deadline = std::chrono::steady_clock::now() + timeout;
        self->timer.expires_at(self->deadline);
        self->timer.async_wait([self](const asio::error_code& error) {
            // A wait for an earlier time may still complete without an error after the timer was set again.
            if (!error && std::chrono::steady_clock::now() >= self->deadline) self->close();
        });
    }

    void close() {
        asio::error_code ignored;
        socket.close(ignored);
        timer.cancel();
    }

    protocol::socket socket;
    asio::steady_timer timer;
    std::chrono::steady_clock::time_point deadline;
};

using shared_connection = std::shared_ptr<connection>;

/// Returns the next frame's body; none when the connection is to be closed, with the reason in `refusal` if there is
/// one.
asio::awaitable<std::optional<std::string>> read_frame(shared_connection self, std::size_t limit,
                                                       std::string& refusal) {
    char length[wire::frame_header_size];
    if (co_await coroutines::read_whole(self->socket, asio::buffer(length))) co_return std::nullopt;
    const auto found = wire::decode_frame({length, sizeof length}, limit);
    if (found.status != wire::frame_status::need_more) {
        refusal = found.status == wire::frame_status::too_large
                      ? encode_refusal({"too_large", "a request has at most " + std::to_string(limit) + " bytes"})
                      : encode_refusal({"bad_request", "a frame has at least 2 bytes"});
        co_return std::nullopt;
    }
    std::string body(found.missing, '\0');
    if (co_await coroutines::read_whole(self->socket, asio::buffer(body))) co_return std::nullopt;
    co_return body;
}

asio::awaitable<bool> write_frame(shared_connection self, std::string body) {
    std::string frame(wire::frame_header_size, '\0');
    wire::write_frame_length(frame.data(), body.size());
    frame += body;
    const std::error_code error = co_await coroutines::write_whole(self->socket, frame);
    co_return !error;
}

}  // namespace

/// Shared with the coroutines, whose frames are destroyed with the io_context, after the server.
class control_server::state : public std::enable_shared_from_this<control_server::state> {
public:
    state(asio::io_context& context, control_target& target, control_server_settings settings)
        : context_(context), acceptor_(context), target_(&target), settings_(std::move(settings)) {}

    void start() {
        exchange::listening_socket socket = listen_on_control_socket(settings_.path);
        acceptor_.assign(protocol(), socket.fd);
        acceptor_.non_blocking(true);
        file_ = std::move(socket.file);
        coroutines::spawn(context_, accept(shared_from_this()), logged("accepting"));
    }

    void close() {
        if (!acceptor_.is_open()) return;
        asio::error_code ignored;
        acceptor_.close(ignored);
        file_.remove();
        target_ = nullptr;
        for (auto& [id, open] : connections_) open->close();
    }

    std::size_t connections() const noexcept { return connections_.size(); }

private:
    static std::function<void(std::exception_ptr)> logged(const char* doing) {
        return [doing](std::exception_ptr thrown) {
            try {
                if (thrown) std::rethrow_exception(thrown);
            } catch (const std::exception& error) {
                log::error("control socket: {} ended by an unexpected error: {}", doing, error.what());
            }
        };
    }

    static asio::awaitable<void> accept(std::shared_ptr<state> self) {
        asio::steady_timer pause(self->context_);
        while (self->acceptor_.is_open()) {
            try {
                asio::error_code error;
                co_await self->acceptor_.async_wait(protocol::acceptor::wait_read,
                                                    asio::redirect_error(coroutines::awaited, error));
                if (!self->acceptor_.is_open()) co_return;
                if (!error) {
                    auto socket = self->acceptor_.accept(error);
                    if (!error) self->take(std::move(socket));
                }
                if (!error || error == asio::error::would_block) continue;
                log::warning("control socket: cannot accept a connection ({}); trying again in a second",
                             error.message());
                pause.expires_after(std::chrono::seconds(1));
                co_await pause.async_wait(asio::redirect_error(coroutines::awaited, error));
            } catch (const std::bad_alloc&) {
                coroutines::wait_for_memory();
            } catch (const std::exception& failed) {
                log::error("control socket: a connection was closed by an unexpected error: {}", failed.what());
            }
        }
    }

    void take(protocol::socket socket) {
        auto accepted = std::make_shared<connection>(std::move(socket));
        if (connections_.size() >= settings_.connections) {
            log::warning("control socket: more than {} at once, one is turned away",
                         wire::counted(settings_.connections, "connection"));
            coroutines::spawn(context_, turn_away(shared_from_this(), std::move(accepted)), logged("turning away"));
            return;
        }
        const auto id = ++last_id_;
        connections_.emplace(id, accepted);
        exchange::undo close{[&] { connections_.erase(id); }};
        coroutines::spawn(context_, serve(shared_from_this(), std::move(accepted), id), logged("serving"));
        close.done();
    }

    static asio::awaitable<void> turn_away(std::shared_ptr<state> self, shared_connection open) {
        connection::set_deadline(open, self->settings_.request_timeout);
        auto refusal = encode_refusal({"busy", "too many control connections; try again"});
        co_await write_frame(open, std::move(refusal));
        open->close();
    }

    static asio::awaitable<void> serve(std::shared_ptr<state> self, shared_connection open, std::uint64_t id) {
        try {
            co_await converse(self, open);
        } catch (const std::exception& error) {
            log::error("control socket: a request ended by an unexpected error: {}", error.what());
        }
        open->close();
        self->connections_.erase(id);
    }

    static asio::awaitable<void> converse(std::shared_ptr<state> self, shared_connection open) {
        for (;;) {
            connection::set_deadline(open, self->settings_.request_timeout);
            std::string refusal;
            auto request = co_await read_frame(open, self->settings_.message_size, refusal);
            if (!request) {
                if (!refusal.empty()) co_await write_frame(open, std::move(refusal));
                co_return;
            }
            if (self->target_ == nullptr) co_return;
            auto answer = co_await self->answer(open, std::move(*request));
            connection::set_deadline(open, self->settings_.request_timeout);
            if (!co_await write_frame(open, std::move(answer))) co_return;
        }
    }

    /// Waits for the target's answer, or for the end of its time.
    asio::awaitable<std::string> answer(shared_connection open, std::string request) {
        struct pending {
            explicit pending(asio::io_context& context) : timer(context) {}
            asio::steady_timer timer;
            std::optional<std::string> text;
        };
        // The target may call its completion after the end of the connection, and may keep it longer than the
        // io_context lives, so it only gets a weak reference.
        auto waiting = std::make_shared<pending>(context_);
        waiting->timer.expires_after(settings_.answer_timeout);
        open->timer.cancel();
        open->deadline = std::chrono::steady_clock::time_point::max();
        try {
            execute_request(*target_, request, [weak = std::weak_ptr<pending>(waiting)](std::string text) {
                const auto still_waiting = weak.lock();
                if (!still_waiting || still_waiting->text) return;
                still_waiting->text = std::move(text);
                still_waiting->timer.cancel();
            });
        } catch (const std::exception& error) {
            log::error("control socket: a request ended by an unexpected error: {}", error.what());
            waiting->text = encode_refusal({"internal_error", "an unexpected error ended the request; see the log"});
        }
        asio::error_code ignored;
        while (!waiting->text && waiting->timer.expiry() > std::chrono::steady_clock::now()) {
            co_await waiting->timer.async_wait(asio::redirect_error(coroutines::awaited, ignored));
        }
        auto text = waiting->text
                        ? std::move(*waiting->text)
                        : encode_refusal({"timeout", "the broker did not finish in time; it may still do it"});
        co_return text;
    }

    asio::io_context& context_;
    protocol::acceptor acceptor_;
    control_target* target_;  ///< null once closed
    control_server_settings settings_;
    exchange::socket_file file_;
    std::unordered_map<std::uint64_t, shared_connection> connections_;
    std::uint64_t last_id_ = 0;
};

control_server::control_server(asio::io_context& context, control_target& target, control_server_settings settings)
    : state_(std::make_shared<state>(context, target, std::move(settings))) {}

control_server::~control_server() { close(); }

void control_server::start() { state_->start(); }
void control_server::close() { state_->close(); }
std::size_t control_server::connections() const noexcept { return state_->connections(); }

}  // namespace bester::admin
