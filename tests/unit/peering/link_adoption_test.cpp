// A shard's part of peering that is given a link, with the test as the server at its other end.
#include "peering/shard/shard_peers.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exchange/running_shards.hpp"
#include "failing_allocation.hpp"
#include "wire/link_codec.hpp"

namespace bester::peering {

namespace {

struct noting_listener final : link_listener {
    void link_closed(std::string, std::uint64_t id, std::string, std::string) override { closed.push_back(id); }
    void round_trip(std::string, std::chrono::microseconds) override {}
    void advert(std::string, std::string, std::shared_ptr<link_gauge>) override {}
    void send_legacy(std::string, std::string, std::function<void(wire::error_code, std::string)>) override {}

    std::vector<std::uint64_t> closed;
};

/// The other end of a link.
class far_end {
public:
    far_end() {
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends_.data()) != 0)
            throw std::runtime_error{"socketpair"};
    }
    ~far_end() { ::close(ends_[0]); }
    far_end(const far_end&) = delete;
    far_end& operator=(const far_end&) = delete;

    link_offer offer(std::uint64_t id) {
        link_offer made;
        made.id = id;
        made.server = "a server whose name is on the heap";
        made.heartbeat = std::chrono::minutes{1};
        made.peer_frame_limit = 1 << 20;
        made.gauge = std::make_shared<link_gauge>();
        made.fd = std::exchange(ends_[1], -1);
        return made;
    }
    /// Waits until the link has been closed at its other end.
    bool is_closed() {
        for (;;) {
            pollfd waiting{ends_[0], POLLIN, 0};
            if (::poll(&waiting, 1, 30'000) <= 0) return false;
            char bytes[4096];
            const ssize_t size = ::read(ends_[0], bytes, sizeof bytes);
            if (size == 0 || (size < 0 && errno != EAGAIN)) return true;
        }
    }

private:
    std::array<int, 2> ends_{};
};

}  // namespace

TEST_CASE("link adoption: where memory ends a link is kept whole or dropped whole, and told of once", "[peering]") {
    exchange::running_shards shards;
    noting_listener listener;
    std::vector<shard_peers*> all;
    std::unique_ptr<shard_peers> peers;
    auto view = std::make_shared<peer_view>();
    view->frame_limit = 1 << 20;
    shards.ask([&](exchange::shard& on) {
        peers = std::make_unique<shard_peers>(on, all, listener, 1, view);
        all.push_back(peers.get());
    });
    const bool is_replacement = GENERATE(false, true);
    std::size_t failures = 0;
    std::uint64_t id = 0;
    for (std::size_t number = 1;; ++number) {
        far_end before;
        far_end it;
        const std::uint64_t first = ++id;
        const std::uint64_t tested = ++id;
        const failed_attempt attempt = shards.ask([&](exchange::shard&) {
            listener.closed.clear();
            if (is_replacement) peers->adopt(before.offer(first));
            link_offer offer = it.offer(tested);
            return fail_allocation(number, [&] { peers->adopt(std::move(offer)); });
        });
        // Kept or not, it ends when it is to end, and so does the one that it replaced.
        shards.ask([&](exchange::shard&) {
            peers->part("a server whose name is on the heap", 0, {"drained", "", true});
        });
        CAPTURE(number, attempt.has_thrown, is_replacement);
        REQUIRE(it.is_closed());
        if (is_replacement) REQUIRE(before.is_closed());
        shards.pass_turns();
        const auto closed = shards.ask([&](exchange::shard&) { return listener.closed; });
        CHECK(std::count(closed.begin(), closed.end(), tested) == 1);
        CHECK(std::count(closed.begin(), closed.end(), first) == (is_replacement ? 1 : 0));
        failures += attempt.has_failed;
        if (!attempt.has_failed) break;
    }
    CHECK(failures > 3);
    shards.ask([&](exchange::shard&) { peers.reset(); });
}

}  // namespace bester::peering
