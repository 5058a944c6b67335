#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>

namespace bester::coroutines {

/// Awaits an operation, in place of asio::use_awaitable: `co_await timer.async_wait(awaited)`. An exception while the
/// operation begins, for which there may be no memory, comes out of the co_await; with use_awaitable of Asio 1.22 it
/// ends the process. For coroutines on an io_context that one thread runs, and for operations of one step, which take
/// all their memory when they begin and never end before they have begun: to wait for a connection, not to accept one.
struct awaited_t {};
inline constexpr awaited_t awaited{};

/// Keeps the thread waiting for a moment: for a loop that goes on where there is no memory even to wait for something.
inline void wait_for_memory() { std::this_thread::sleep_for(std::chrono::milliseconds{10}); }

/// The completion handler of an operation that a coroutine awaits. The rest of the coroutine is in `rest`, which is
/// part of the coroutine and filled when the operation has begun.
template <class Rest>
class resumption {
public:
    using executor_type = asio::any_io_executor;

    resumption(std::optional<Rest>& rest, executor_type on) noexcept : rest_{&rest}, on_{std::move(on)} {}
    resumption(resumption&& other) noexcept : rest_{std::exchange(other.rest_, nullptr)}, on_{std::move(other.on_)} {}
    resumption& operator=(resumption&&) = delete;
    ~resumption() {
        // It is never called, as its io_context ends: the coroutine ends in the way that Asio ends one.
        if (rest_ && *rest_) take();
    }
    executor_type get_executor() const noexcept { return on_; }

    template <class... Results>
    void operator()(Results&&... results) {
        Rest rest = take();
        rest(std::forward<Results>(results)...);
    }

private:
    /// The coroutine, of which *rest_ is a part, may end with what is returned.
    Rest take() noexcept {
        std::optional<Rest>& kept = *std::exchange(rest_, nullptr);
        Rest taken{std::move(*kept)};
        kept.reset();
        return taken;
    }

    std::optional<Rest>* rest_;
    executor_type on_;
};

}  // namespace bester::coroutines

template <class Return, class... Args>
class asio::async_result<bester::coroutines::awaited_t, Return(Args...)> {
public:
    using handler_type = asio::detail::awaitable_handler<asio::any_io_executor, std::decay_t<Args>...>;
    using return_type = typename handler_type::awaitable_type;

    template <class Initiation, class... InitArgs>
    static return_type initiate(Initiation initiation, bester::coroutines::awaited_t, InitArgs... args) {
        std::optional<handler_type> rest;
        std::exception_ptr failure;
        const asio::any_io_executor on = co_await asio::this_coro::executor;
        co_await [&](auto* frame) -> asio::detail::awaitable_thread<asio::any_io_executor>* {
            try {
                std::move(initiation)(bester::coroutines::resumption<handler_type>{rest, on}, std::move(args)...);
                rest.emplace(frame->detach_thread());
            } catch (...) {
                failure = std::current_exception();  // and the coroutine goes on at once
            }
            return nullptr;
        };
        std::rethrow_exception(failure);
    }
};
