#pragma once

#include <asio/experimental/as_tuple.hpp>
#include <asio/use_awaitable.hpp>

namespace bester::peering {

/// Awaits an operation and returns its error as a value: `const auto [error, size] = co_await …`.
inline constexpr auto as_tuple = asio::experimental::as_tuple(asio::use_awaitable);

}  // namespace bester::peering
