#pragma once

#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <system_error>
#include <utility>

#include "peering/link/as_tuple.hpp"

namespace bester::peering {

using found_endpoints = asio::ip::tcp::resolver::results_type;

/// Returns the endpoint of a numeric address; none if the host is a name.
inline found_endpoints endpoint_by_number(const std::string& host, const std::string& port) {
    std::error_code is_name;
    const auto address = asio::ip::make_address(host, is_name);
    if (is_name) return {};
    const auto number = static_cast<std::uint16_t>(std::strtoul(port.c_str(), nullptr, 10));
    return found_endpoints::create(asio::ip::tcp::endpoint{address, number}, host, port);
}

/// Looks up the endpoints of a host. Only names go to the resolver, which handles one name after the other: a numeric
/// address does not wait for a name server that does not answer.
inline asio::awaitable<std::pair<std::error_code, found_endpoints>> look_up(asio::ip::tcp::resolver& resolver,
                                                                            std::string host, std::string port) {
    found_endpoints found = endpoint_by_number(host, port);
    if (!found.empty()) co_return std::pair{std::error_code{}, std::move(found)};
    auto [error, named] = co_await resolver.async_resolve(host, port, as_tuple);
    co_return std::pair{error, std::move(named)};
}

}  // namespace bester::peering
