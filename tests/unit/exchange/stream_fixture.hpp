#pragma once

#include <catch2/catch.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "exchange/framed_stream.hpp"
#include "running_shards.hpp"
#include "wire/client_codec.hpp"

namespace bester::exchange {

inline constexpr std::size_t frame_limit = 100'000;

inline std::string framed(std::string_view body) { return wire::make_frame(body); }

/// A stream that notes what it is told and says what it is to say. On the shard's thread.
class noting_stream final : public framed_stream {
public:
    noting_stream(shard& on, int fd, std::vector<std::string>& notes, int& alive)
        : framed_stream{on, fd, frame_limit}, notes_{notes}, alive_{alive} {
        ++alive_;
    }
    noting_stream(shard& on, stream_parts& from, std::vector<std::string>& notes, int& alive)
        : framed_stream{on, from, frame_limit}, notes_{notes}, alive_{alive} {
        ++alive_;
    }
    ~noting_stream() override { --alive_; }

    void begin(std::string_view received = {}) { start(received); }
    void say(std::string_view body) { enqueue(framed(body)); }
    void dry() { read_until_dry(); }
    using framed_stream::fail_later;
    using framed_stream::release_parts;
    using framed_stream::unwritten;
    using framed_stream::use_account;

    /// By the body; what is not here is taken.
    std::function<frame_verdict(std::string_view)> verdict;
    std::function<void()> closing;
    std::function<void()> gone;

private:
    frame_verdict on_frame(std::string_view body) override {
        const frame_verdict said = verdict ? verdict(body) : frame_verdict::taken;
        notes_.push_back((said == frame_verdict::not_yet || said == frame_verdict::next_turn ? "later " : "") +
                         std::string{body});
        return said;
    }
    void on_bad_frame(bool is_too_large) override {
        notes_.push_back(is_too_large ? "too large" : "bad");
        close(close_reason::bad_input);
    }
    void on_end_of_input() override {
        notes_.push_back("end");
        close_after_flush(close_reason::closed_by_peer);
    }
    void on_dry() override { notes_.push_back("dry"); }
    void on_closed(close_reason reason) override {
        if (closing) closing();
        notes_.push_back("closed: " + std::string{to_string(reason)});
        if (gone) gone();
    }

    std::vector<std::string>& notes_;
    int& alive_;
};

using notes = std::vector<std::string>;

struct stream_fixture {
    running_shards shards;
    notes seen;
    int alive = 0;
    noting_stream* stream = nullptr;
    int fd = -1;

    stream_fixture() {
        std::array<int, 2> fds{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds.data()) == 0);
        fd = fds[1];
        stream = shards.ask([&](shard& there) { return new noting_stream{there, fds[0], seen, alive}; });
        // Closed streams are buried by whoever owns them.
        stream->gone = [this] { shards[0].bury(std::unique_ptr<turn_stream>{stream}); };
    }
    ~stream_fixture() {
        shards.ask([&](shard&) {
            if (alive > 0 && stream->is_open()) stream->close(close_reason::requested);
        });
        if (fd >= 0) ::close(fd);
    }

    template <class Call>
    auto on_shard(Call&& call) {
        return shards.ask(std::forward<Call>(call));
    }
    void begin(std::string received = {}) {
        on_shard([&](shard&) { stream->begin(received); });
    }
    void send(std::string_view bytes) const {
        REQUIRE(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
    }
    void finish() {
        ::close(fd);
        fd = -1;
    }
    /// What was noted, when there is as much as that.
    notes wait_for(std::size_t count) {
        for (;;) {
            auto now = on_shard([&](shard&) { return seen; });
            if (now.size() >= count) return now;
            std::this_thread::yield();
        }
    }
    std::string receive(std::size_t size) const {
        std::string got;
        while (got.size() < size) {
            char buffer[65'536];
            pollfd waiting{fd, POLLIN, 0};
            REQUIRE(::poll(&waiting, 1, 60'000) == 1);
            const ssize_t count = ::recv(fd, buffer, std::min(sizeof buffer, size - got.size()), 0);
            REQUIRE(count > 0);
            got.append(buffer, static_cast<std::size_t>(count));
        }
        return got;
    }
    std::uint64_t internal_errors() {
        return on_shard([](shard& there) { return there.counters()[counter::internal_errors]; });
    }
};

}  // namespace bester::exchange
