// A server that is dialled, with the test as that server.
#include <array>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "exchange/directory.hpp"
#include "exchange/shard.hpp"
#include "failing_allocation.hpp"
#include "peering/network/peer_network.hpp"

using namespace bester;
using namespace bester::peering;
using namespace std::chrono_literals;

namespace {

using asio::ip::tcp;

/// A broker's peering with one entry, "there", and one shard. It dials at the start, and again only when it is told to.
class dialling {
public:
    dialling() {
        peering_settings settings;
        settings.allow_plain = true;
        settings.initial_delay = settings.longest_delay = 1h;
        peer_settings there;
        there.name = "there";
        there.transport = link_transport::plain;
        there.addresses = {"127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port())};
        there.types = {std::string{any_type}};
        network_ = std::make_unique<peer_network>(control_, std::vector<exchange::shard*>{&shard_},
                                                  network_surroundings{"here", "1"}, settings,
                                                  std::vector<peer_settings>{there});
        shard_.start();
        network_->start();
    }
    ~dialling() {
        shard_.stop();
        shard_.join();
    }
    dialling(const dialling&) = delete;
    dialling& operator=(const dialling&) = delete;

    peer_network& network() { return *network_; }
    /// Is it dialled within so long? The connection is ended at once, before any hello.
    bool is_dialled(std::chrono::milliseconds limit) {
        bool has_come = false;
        acceptor_.async_accept([&](std::error_code error, tcp::socket) { has_come = has_come || !error; });
        const auto until = std::chrono::steady_clock::now() + limit;
        while (!has_come && std::chrono::steady_clock::now() < until) run_for(5ms);
        acceptor_.cancel();
        run_for(0ms);
        return has_come;
    }
    std::string state() {
        run_for(1ms);
        return network_->status().value_of("peers")->elements.at(0).value_of("state")->text;
    }
    void wait_for_state(const std::string& wanted) {
        const auto until = std::chrono::steady_clock::now() + 20s;
        while (state() != wanted && std::chrono::steady_clock::now() < until) {}
        REQUIRE(state() == wanted);
    }

private:
    void run_for(std::chrono::milliseconds time) {
        control_.restart();
        control_.run_for(time);
    }

    asio::io_context control_{1};
    tcp::acceptor acceptor_{control_, {asio::ip::make_address("127.0.0.1"), 0}};
    exchange::exchange_settings settings_{"here", 1};
    exchange::directory users_;
    std::array<exchange::shard*, 1> all_{&shard_};
    exchange::shard shard_{0, settings_, users_, all_};
    std::unique_ptr<peer_network> network_;
};

}  // namespace

TEST_CASE("dialling: a server is dialled at the start, and again when it is told", "[peering]") {
    dialling it;
    CHECK(it.is_dialled(20s));
    it.wait_for_state("waiting");
    REQUIRE(it.network().retry("there"));
    CHECK(it.state() == "dialling");
    CHECK(it.is_dialled(20s));
    it.wait_for_state("waiting");
}

TEST_CASE("dialling: an attempt that could not be begun does not count as one that goes on", "[peering]") {
    // The later ones are of the library's coroutines, which let no exception out.
    const std::size_t number = GENERATE(1, 2);
    dialling it;
    REQUIRE(it.is_dialled(20s));
    it.wait_for_state("waiting");
    const failed_attempt attempt = fail_allocation(number, [&] { (void)it.network().retry("there"); });
    REQUIRE(attempt.has_thrown);
    CHECK(it.state() != "dialling");
    REQUIRE(it.network().retry("there"));
    CHECK(it.is_dialled(20s));
    it.wait_for_state("waiting");
}
