#pragma once

#include <asio/dispatch.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "coroutines/awaited.hpp"

namespace bester::coroutines {

/// Runs `work`, then calls `ended`.
template <class Result, class Ended>
asio::awaitable<asio::detail::awaitable_thread_entry_point> run_to_end(asio::awaitable<Result> work, Ended ended) {
    std::exception_ptr escaped;
    std::conditional_t<std::is_void_v<Result>, std::optional<char>, std::optional<Result>> result;
    try {
        if constexpr (std::is_void_v<Result>) co_await std::move(work);
        else result.emplace(co_await std::move(work));
    } catch (...) {
        escaped = std::current_exception();
    }
    if (!(co_await asio::detail::awaitable_thread_has_context_switched{})) {
        // Not within the call of spawn(), unless there is no memory.
        try {
            co_await asio::post(awaited);
        } catch (const std::bad_alloc&) {}
    }
    if constexpr (std::is_void_v<Result>) ended(escaped);
    else ended(escaped, result ? std::move(*result) : Result{});
}

/// Runs the coroutine `work` on `on`, in place of asio::co_spawn(); at once, if this is its thread. When it has ended,
/// `ended(exception)` is called, or `ended(exception, result)`; `exception` is null, or what left the coroutine. Throws
/// if there is no memory to begin; then `ended` is not called. Whatever memory is missing later, `ended` is called.
template <class Result, class Ended>
void spawn(asio::io_context& on, asio::awaitable<Result> work, Ended ended) {
    auto entry = run_to_end(std::move(work), std::move(ended));
    asio::dispatch(on, [entry = std::move(entry), executor = asio::any_io_executor{on.get_executor()}]() mutable {
        asio::detail::awaitable_handler<asio::any_io_executor>{std::move(entry), executor, asio::cancellation_slot{},
                                                               asio::cancellation_state{}}
            .launch();
    });
}

}  // namespace bester::coroutines
