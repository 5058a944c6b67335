#include "exchange/parting_sockets.hpp"

#include <catch2/catch.hpp>

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <vector>

#include "exchange/shard.hpp"
#include "running_shards.hpp"

using namespace bester::exchange;

namespace {

/// This process may have so many descriptors, as long as the object exists.
struct few_descriptors {
    explicit few_descriptors(rlim_t most) {
        ::getrlimit(RLIMIT_NOFILE, &before);
        rlimit wanted = before;
        wanted.rlim_cur = most;
        ::setrlimit(RLIMIT_NOFILE, &wanted);
    }
    ~few_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before); }
    rlimit before{};
};

}  // namespace

TEST_CASE("parting sockets: a small part of the descriptors, however many connections end", "[exchange]") {
    const few_descriptors limit{400};
    running_shards shards{2};
    std::vector<int> others;
    std::vector<int> ended;
    for (int i = 0; i < 40; ++i) {
        std::array<int, 2> pair{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair.data()) == 0);
        others.push_back(pair[0]);
        ended.push_back(pair[1]);
    }
    shards.ask(0, [&](shard& on) {
        for (const int fd : ended) on.see_off(fd);
    });
    std::size_t open = 0;
    for (const int fd : others) {
        char end = 0;
        CHECK(::recv(fd, &end, 1, 0) == 0);  // each was told that no more comes
        if (::send(fd, "x", 1, MSG_NOSIGNAL) == 1) ++open;
        ::close(fd);
    }
    CHECK(open == 400 / 40 / 2);
}
