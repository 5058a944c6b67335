#pragma once

#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>

#include <cstdint>
#include <cstdlib>
#include <memory>
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

/// A lookup that goes on, of which `ended` is cancelled at its end.
struct host_search {
    explicit host_search(const asio::any_io_executor& on) : ended{on, asio::steady_timer::time_point::max()} {}
    asio::steady_timer ended;
    std::error_code error = std::make_error_code(std::errc::not_enough_memory);
    found_endpoints found;
};

/// Ends a lookup when it is destroyed: the resolver drops what it is to call where it has no memory for the endpoints.
class end_of_search {
public:
    explicit end_of_search(std::shared_ptr<host_search> of) noexcept : of_{std::move(of)} {}
    end_of_search(end_of_search&&) noexcept = default;
    end_of_search& operator=(end_of_search&&) = delete;
    ~end_of_search() {
        if (of_) of_->ended.cancel();
    }
    void operator()(std::error_code error, found_endpoints found) {
        of_->error = error;
        of_->found = std::move(found);
    }

private:
    std::shared_ptr<host_search> of_;
};

/// Looks up the endpoints of a host. Only names go to the resolver, which handles one name after the other: a numeric
/// address does not wait for a name server that does not answer.
inline asio::awaitable<std::pair<std::error_code, found_endpoints>> look_up(asio::ip::tcp::resolver& resolver,
                                                                            std::string host, std::string port) {
    found_endpoints numeric = endpoint_by_number(host, port);
    if (!numeric.empty()) co_return std::pair{std::error_code{}, std::move(numeric)};
    const auto search = std::make_shared<host_search>(resolver.get_executor());
    resolver.async_resolve(host, port, end_of_search{search});
    co_await search->ended.async_wait(as_tuple);
    co_return std::pair{search->error, std::move(search->found)};
}

}  // namespace bester::peering
