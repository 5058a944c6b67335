#pragma once

#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/redirect_error.hpp>

#include <cstddef>
#include <string_view>
#include <system_error>

#include "coroutines/awaited.hpp"

namespace bester::coroutines {

// Operations of several steps, each of which the coroutine awaits by itself: one of Asio's own that cannot begin its
// next step takes the coroutine with it.

/// Fills `to`; the error says why it is not full.
template <class Stream>
asio::awaitable<std::error_code> read_whole(Stream& from, asio::mutable_buffer to) {
    std::error_code error;
    while (to.size() > 0 && !error) {
        const std::size_t size = co_await from.async_read_some(to, asio::redirect_error(awaited, error));
        to += size;
    }
    co_return error;
}

/// Writes all of `bytes`, which must live until then; the error says why not all is written.
template <class Stream>
asio::awaitable<std::error_code> write_whole(Stream& to, std::string_view bytes) {
    std::error_code error;
    while (!bytes.empty() && !error) {
        const std::size_t size =
            co_await to.async_write_some(asio::buffer(bytes), asio::redirect_error(awaited, error));
        bytes.remove_prefix(size);
    }
    co_return error;
}

/// Connects `socket` to the first of `endpoints` that can be reached; the error is that of the last one.
template <class Socket, class Endpoints>
asio::awaitable<std::error_code> connect_to_any(Socket& socket, const Endpoints& endpoints) {
    std::error_code error = asio::error::not_found;
    for (const typename Socket::endpoint_type endpoint : endpoints) {
        socket.close(error);
        co_await socket.async_connect(endpoint, asio::redirect_error(awaited, error));
        // Aborted: whoever closed the socket wants none. An address whose family the system lacks is passed over.
        if (!error || error == asio::error::operation_aborted) break;
    }
    co_return error;
}

}  // namespace bester::coroutines
