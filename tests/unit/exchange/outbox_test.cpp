#include "exchange/outbox.hpp"
#include "failing_allocation.hpp"

#include <catch2/catch.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <vector>

using namespace bester::exchange;

namespace {

/// Two connected sockets; the first one is written to.
struct socket_pair {
    std::array<int, 2> fds{};
    socket_pair() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds.data()) == 0); }
    ~socket_pair() {
        close_reader();
        ::close(fds[0]);
    }
    void close_reader() {
        if (fds[1] >= 0) ::close(fds[1]);
        fds[1] = -1;
    }
    std::string read(std::size_t most = std::size_t{1} << 20) {
        std::string all;
        char buffer[65'536];
        while (all.size() < most) {
            const ssize_t got = ::recv(fds[1], buffer, std::min(sizeof buffer, most - all.size()), MSG_DONTWAIT);
            if (got <= 0) break;
            all.append(buffer, static_cast<std::size_t>(got));
        }
        return all;
    }
};

payload shared_of(std::string_view text) {
    payload made = payload::of_size(text.size());
    std::memcpy(made.data(), text.data(), text.size());
    return made;
}

std::string text_of(std::size_t size, char first) {
    std::string text(size, first);
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(first + static_cast<char>(i % 23));
    return text;
}

/// One of each kind: small ones that share a chunk, shared ones, one that is larger than a chunk.
const std::vector<std::string>& frames() {
    static const std::vector<std::string> all{text_of(5, 'a'),   text_of(1, 'B'),      text_of(90, 'c'),
                                              text_of(700, 'D'), text_of(20'000, 'e'), text_of(33, 'F')};
    return all;
}

std::string joined() {
    std::string all;
    for (const auto& frame : frames()) all += frame;
    return all;
}

void fill(outbox& box) {
    for (std::size_t i = 0; i < frames().size(); ++i) {
        if (i == 2 || i == 3) box.append(shared_of(frames()[i]));
        else box.append(std::string_view{frames()[i]});
    }
}

}  // namespace

TEST_CASE("outbox: what is queued is written in order, and all memory goes back", "[exchange]") {
    chunk_pool pool;
    outbox box{pool};
    CHECK(box.empty());
    fill(box);
    CHECK(box.bytes() == joined().size());
    CHECK(box.frames() == frames().size());
    CHECK(pool.bytes_in_use() > 0);
    socket_pair sockets;
    CHECK(box.flush(sockets.fds[0]) == flush_result::done);
    CHECK(sockets.read() == joined());
    CHECK(box.empty());
    CHECK(box.frames() == 0);
    CHECK(box.written() == joined().size());
    CHECK(pool.bytes_in_use() == 0);
    // Its memory is used again.
    box.append("more");
    CHECK(box.flush(sockets.fds[0]) == flush_result::done);
    CHECK(sockets.read() == "more");
    // And is not kept for that when it is asked for.
    CHECK(pool.has_spare());
    pool.give_up_spare();
    CHECK_FALSE(pool.has_spare());
    box.append("and more");
    CHECK(pool.bytes_in_use() > 0);
    CHECK(box.flush(sockets.fds[0]) == flush_result::done);
    CHECK(sockets.read() == "and more");
    CHECK(pool.bytes_in_use() == 0);
}

TEST_CASE("outbox: many queues that get one short frame each in a turn use little memory, and use it again",
          "[exchange]") {
    chunk_pool pool;
    constexpr std::size_t clients = 1'000;
    std::vector<std::unique_ptr<outbox>> boxes;
    for (std::size_t i = 0; i < clients; ++i) boxes.push_back(std::make_unique<outbox>(pool));
    socket_pair sockets;
    std::set<const char*> seen;
    std::size_t new_ones = 0;
    for (int turn = 0; turn < 10; ++turn) {
        for (auto& each : boxes) {
            const char* const at = each->reserve(5);
            each->commit(5);
            if (seen.insert(at).second && turn > 1) ++new_ones;
        }
        CHECK(pool.bytes_in_use() <= clients * chunk_pool::small_size + 256 * chunk_pool::chunk_size);
        for (auto& each : boxes) each->clear();
    }
    CHECK(new_ones == 0);
    CHECK(pool.bytes_in_use() == 0);
}

TEST_CASE("outbox: at every split point, what was taken is gone and what was not is left", "[exchange]") {
    const std::string all = joined();
    for (std::size_t split = 0; split <= all.size(); split += split < 900 ? 1 : 397) {
        CAPTURE(split);
        chunk_pool pool;
        outbox box{pool};
        fill(box);
        std::string first;
        REQUIRE(box.move_to(split, [&](std::string_view bytes) {
            first += bytes;
            return true;
        }));
        REQUIRE(first == all.substr(0, split));
        REQUIRE(box.bytes() == all.size() - split);
        REQUIRE(box.written() == split);
        // What has not been written can be looked at, no matter where it begins; nothing else can.
        std::string copy(all.size() - split, '\0');
        REQUIRE(box.copy_unwritten(split, copy.size(), copy.data()));
        REQUIRE(copy == all.substr(split));
        if (split > 0) {
            REQUIRE_FALSE(box.copy_unwritten(split - 1, 1, copy.data()));
        }
        REQUIRE_FALSE(box.copy_unwritten(split, all.size() - split + 1, copy.data()));
        // More can be queued behind, and all comes out in order.
        box.append("the end");
        std::string rest;
        REQUIRE(box.move_to(all.size() + 7, [&](std::string_view bytes) {
            rest += bytes;
            return true;
        }));
        REQUIRE(rest == all.substr(split) + "the end");
        REQUIRE(box.empty());
        REQUIRE(pool.bytes_in_use() == 0);
    }
}

TEST_CASE("outbox: a sink that refuses gets the same again", "[exchange]") {
    chunk_pool pool;
    outbox box{pool};
    fill(box);
    std::string got;
    bool refuses = false;
    const auto sink = [&](std::string_view bytes) {
        if (std::exchange(refuses, !refuses)) return false;
        got += bytes;
        return true;
    };
    while (!box.empty()) box.move_to(7, sink);
    CHECK(got == joined());
}

TEST_CASE("outbox: a socket that takes no more blocks, and goes on where it was", "[exchange]") {
    chunk_pool pool;
    outbox box{pool};
    socket_pair sockets;
    std::string all;
    flush_result result = flush_result::done;
    for (int i = 0; result == flush_result::done; ++i) {
        const std::string frame = text_of(10'000, static_cast<char>('a' + i % 26));
        if (i % 2) box.append(shared_of(frame));
        else box.append(std::string_view{frame});
        all += frame;
        result = box.flush(sockets.fds[0]);
        REQUIRE(i < 10'000);
    }
    CHECK(result == flush_result::blocked);
    fill(box);
    all += joined();
    std::string got;
    while (got.size() < all.size()) {
        got += sockets.read(1'000);
        CHECK(box.flush(sockets.fds[0]) != flush_result::failed);
    }
    CHECK(got == all);
    CHECK(box.empty());
}

TEST_CASE("outbox: no more is written at a time than is wanted, wherever that ends", "[exchange]") {
    chunk_pool pool;
    outbox box{pool};
    socket_pair sockets;
    fill(box);
    const std::size_t most = GENERATE(1, 95, 796, 5'000, 1'000'000);
    std::string got;
    while (!box.empty()) {
        const std::size_t left = box.bytes();
        const flush_result result = box.flush(sockets.fds[0], most);
        REQUIRE(left - box.bytes() == std::min(left, most));
        REQUIRE(result == (box.empty() ? flush_result::done : flush_result::more));
        got += sockets.read();
    }
    CHECK(got == joined());
}

TEST_CASE("outbox: more pieces than one system call takes are all written", "[exchange]") {
    chunk_pool pool;
    outbox box{pool};
    socket_pair sockets;
    std::string all;
    for (int i = 0; i < 1'000; ++i) {
        const std::string frame = std::to_string(i) + ';';
        box.append(shared_of(frame));
        all += frame;
    }
    CHECK(box.flush(sockets.fds[0]) == flush_result::done);
    CHECK(sockets.read() == all);
}

TEST_CASE("outbox: a peer that is gone fails, and clearing gives all memory back", "[exchange]") {
    chunk_pool pool;
    outbox box{pool};
    socket_pair sockets;
    sockets.close_reader();
    fill(box);
    CHECK(box.flush(sockets.fds[0]) == flush_result::failed);
    box.clear();
    CHECK(box.empty());
    CHECK(pool.bytes_in_use() == 0);
}

TEST_CASE("outbox: a frame that is written in place is one with those before", "[exchange]") {
    chunk_pool pool;
    outbox box{pool};
    socket_pair sockets;
    // Less may be committed than was reserved.
    std::memcpy(box.reserve(100), "abc", 3);
    box.commit(3);
    std::memcpy(box.reserve(chunk_pool::chunk_size), "def", 3);
    box.commit(3);
    std::memcpy(box.reserve(5), "ghi", 3);
    box.commit(3);
    CHECK(box.frames() == 3);
    CHECK(box.flush(sockets.fds[0]) == flush_result::done);
    CHECK(sockets.read() == "abcdefghi");
}

TEST_CASE("outbox: without memory for a frame nothing is queued or counted", "[outbox]") {
    const std::size_t size = GENERATE(100u, 40'000u);  // in a chunk, and in memory of its own
    for (std::size_t number = 1;; ++number) {
        chunk_pool pool;
        outbox queue{pool};
        const auto attempt = bester::fail_allocation(number, [&] { queue.reserve(size); });
        if (!attempt.has_failed) break;
        CHECK(attempt.has_thrown);
        CHECK(queue.hold_memory() == 0);
        CHECK(pool.bytes_in_use() == 0);
        queue.append(std::string(size, 'x'));
        CHECK(queue.bytes() == size);
        queue.clear();
        CHECK(queue.hold_memory() == 0);
        CHECK(pool.bytes_in_use() == 0);
    }
}
