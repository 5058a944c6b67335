#pragma once

#include <asio/io_context.hpp>

#include <exception>
#include <string>
#include <utility>

#include "coroutines/spawn.hpp"

namespace bester::handlers {

/// Logs an exception that left the coroutine `what`.
void report_escaped(const std::string& what, const std::exception_ptr& exception);

/// Runs a coroutine detached; an exception that leaves it is logged. `coroutine` is the callable, not its result, so
/// that its captures live as long as it runs.
template <class Coroutine>
void spawn(asio::io_context& io, std::string what, Coroutine coroutine) {
    const auto keep = [](Coroutine kept) -> asio::awaitable<void> { co_await kept(); };
    coroutines::spawn(io, keep(std::move(coroutine)), [what = std::move(what)](std::exception_ptr exception) {
        if (exception) report_escaped(what, exception);
    });
}

}  // namespace bester::handlers
