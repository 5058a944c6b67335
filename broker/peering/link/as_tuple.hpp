#pragma once

#include <asio/experimental/as_tuple.hpp>

#include "coroutines/awaited.hpp"

namespace bester::peering {

/// Awaits an operation and returns its error as a value: `const auto [error, size] = co_await …`.
inline constexpr auto as_tuple = asio::experimental::as_tuple(coroutines::awaited);

}  // namespace bester::peering
