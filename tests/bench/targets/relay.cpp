// The bare relay: TCP clients on one side, one echo process on a UNIX socket on the other, frames
// in between. It does only what any broker with handler processes must do: find the frames, say
// whose they are, bring the answers back. No JSON, no authentication, no limits on queues.
//
//   client ──[length][body]──▶ relay ──[length+4][slot][body]──▶ echo process, and back
//
// One loop turn reads what is there, then writes once to the UNIX side and once to each client
// that got something. Level-triggered, single thread.
//
// With --pairs each client's first frame says which end of which pair it is (`s00a` or `r00a`), and is
// sent back as it came; what the echo process returns of a sender goes to the receiver of its pair.

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <exception>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "measure/byte_queue.hpp"
#include "measure/frame.hpp"
#include "measure/sockets.hpp"

namespace bester::bench {
namespace {

constexpr std::uint32_t listener_slot = 0xffff'ffff;
constexpr std::uint32_t echo_slot = 0xffff'fffe;

struct client {
    unique_fd fd;
    byte_queue partial;  ///< the beginning of a frame whose rest has not come
    byte_queue out;
    std::uint32_t receiver = 0;  ///< with pairs: the slot that gets what this one sends
    bool is_known = false;       ///< with pairs: it has said which end it is
    bool is_dirty = false;
    bool waits_for_room = false;
};

/// Relays until the echo process goes away. One thread; everything belongs to it.
class relay {
public:
    relay(tcp_listener listener, unique_fd echo, bool has_pairs)
        : has_pairs_(has_pairs),
          listener_(std::move(listener)),
          epoll_(::epoll_create1(EPOLL_CLOEXEC)),
          receive_(std::size_t{1} << 20) {
        echo_.fd = std::move(echo);
        set_nonblocking(listener_.fd.get());
        set_nonblocking(echo_.fd.get());
        set_buffers(echo_.fd.get(), 4 << 20);
        watch(EPOLL_CTL_ADD, listener_.fd.get(), EPOLLIN, listener_slot);
        watch(EPOLL_CTL_ADD, echo_.fd.get(), EPOLLIN, echo_slot);
    }

    void run() {
        std::array<epoll_event, 1024> events;
        for (;;) {
            const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
            if (count < 0 && errno != EINTR) fail_errno("epoll_wait");
            for (int i = 0; i < count; ++i) dispatch(events[static_cast<std::size_t>(i)]);
            if (!echo_.out.empty() && !echo_.waits_for_room) flush(echo_, echo_slot);
            for (const std::uint32_t slot : dirty_) {
                client& target = clients_[slot];
                target.is_dirty = false;
                if (target.fd && !target.waits_for_room) flush_client(slot);
            }
            dirty_.clear();
        }
    }

private:
    void watch(int operation, int fd, std::uint32_t interest, std::uint32_t slot) {
        epoll_event event{};
        event.events = interest;
        event.data.u32 = slot;
        if (::epoll_ctl(epoll_.get(), operation, fd, &event) != 0) fail_errno("epoll_ctl");
    }

    void dispatch(const epoll_event& event) {
        const std::uint32_t slot = event.data.u32;
        if (slot == listener_slot) return accept_all();
        if (slot == echo_slot) {
            if ((event.events & EPOLLOUT) != 0) flush(echo_, slot);
            if ((event.events & (EPOLLIN | EPOLLHUP)) != 0) read_echo();
            return;
        }
        if ((event.events & EPOLLOUT) != 0) flush_client(slot);
        if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && clients_[slot].fd) read_client(slot);
    }

    void accept_all() {
        for (;;) {
            unique_fd fd{::accept4(listener_.fd.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
            if (!fd) return;
            set_nodelay(fd.get());
            const auto slot = static_cast<std::uint32_t>(clients_.size());
            watch(EPOLL_CTL_ADD, fd.get(), EPOLLIN, slot);
            clients_.emplace_back().fd = std::move(fd);
        }
    }

    // One read is enough: level-triggered epoll tells us again if there was more, and a second
    // read that finds nothing would cost every turn a system call.
    void read_client(std::uint32_t slot) {
        client& from = clients_[slot];
        std::size_t got = 0;
        try {
            got = read_some(from.fd.get(), receive_.data(), receive_.size());
        } catch (const std::exception&) {
            from = client{};
            return;
        }
        std::string_view bytes{receive_.data(), got};
        if (!from.partial.empty()) {
            from.partial.append(bytes);
            from.partial.consume(forward(from.partial.view(), slot));
            return;
        }
        bytes.remove_prefix(forward(bytes, slot));
        from.partial.append(bytes);
    }

    std::size_t forward(std::string_view bytes, std::uint32_t slot) {
        return for_each_frame(bytes, [&](std::string_view body) {
            if (has_pairs_ && !clients_[slot].is_known) return introduce(body, slot);
            char* place = echo_.out.grow(2 * frame_prefix + body.size());
            store_u32(place, static_cast<std::uint32_t>(body.size() + frame_prefix));
            store_u32(place + frame_prefix, slot);
            std::memcpy(place + 2 * frame_prefix, body.data(), body.size());
        });
    }

    void introduce(std::string_view name, std::uint32_t slot) {
        pair& named = pairs_[std::string{name.substr(1)}];
        (name.starts_with('s') ? named.sender : named.receiver) = slot;
        if (named.sender != listener_slot) clients_[named.sender].receiver = named.receiver;
        clients_[slot].is_known = true;
        queue_frame(name, slot);
    }

    void read_echo() {
        const std::size_t got = read_some(echo_.fd.get(), receive_.data(), receive_.size());
        std::string_view bytes{receive_.data(), got};
        if (!echo_.partial.empty()) {
            echo_.partial.append(bytes);
            echo_.partial.consume(deliver(echo_.partial.view()));
            return;
        }
        bytes.remove_prefix(deliver(bytes));
        echo_.partial.append(bytes);
    }

    std::size_t deliver(std::string_view bytes) {
        return for_each_frame(bytes, [&](std::string_view routed) {
            const std::uint32_t slot = load_u32(routed.data());
            queue_frame(routed.substr(frame_prefix), has_pairs_ ? clients_.at(slot).receiver : slot);
        });
    }

    void queue_frame(std::string_view body, std::uint32_t slot) {
        client& to = clients_.at(slot);
        if (!to.fd) return;
        char* place = to.out.grow(frame_prefix + body.size());
        store_u32(place, static_cast<std::uint32_t>(body.size()));
        std::memcpy(place + frame_prefix, body.data(), body.size());
        if (to.is_dirty) return;
        to.is_dirty = true;
        dirty_.push_back(slot);
    }

    void flush(client& to, std::uint32_t slot) {
        if (!to.out.empty()) to.out.consume(write_some(to.fd.get(), to.out.view()));
        const bool is_full = !to.out.empty();
        if (is_full != to.waits_for_room) {
            watch(EPOLL_CTL_MOD, to.fd.get(), is_full ? EPOLLIN | EPOLLOUT : EPOLLIN, slot);
            to.waits_for_room = is_full;
        }
    }

    void flush_client(std::uint32_t slot) {
        try {
            flush(clients_[slot], slot);
        } catch (const std::exception&) {
            clients_[slot] = client{};
        }
    }

    struct pair {
        std::uint32_t sender = listener_slot;  ///< not known yet
        std::uint32_t receiver = listener_slot;
    };

    bool has_pairs_;
    std::unordered_map<std::string, pair> pairs_;
    tcp_listener listener_;
    unique_fd epoll_;
    client echo_;
    std::deque<client> clients_;        ///< by slot; slots are not used again
    std::vector<std::uint32_t> dirty_;  ///< clients that this turn has something for
    std::vector<char> receive_;
};

}  // namespace
}  // namespace bester::bench

int main(int argc, char** argv) {
    const bool has_pairs = argc == 4 && std::string_view{argv[3]} == "--pairs";
    if (argc != 3 && !has_pairs) {
        std::fprintf(stderr,
                     "usage: bench_relay PORT SOCKET [--pairs]\nprints its port when bench_relay_echo has connected\n");
        return 2;
    }
    try {
        namespace bench = bester::bench;
        bench::raise_descriptor_limit();
        const bench::unique_fd echo_listener = bench::listen_unix(argv[2]);
        bench::unique_fd echo{::accept4(echo_listener.get(), nullptr, nullptr, SOCK_CLOEXEC)};
        bench::tcp_listener listener = bench::listen_tcp(static_cast<std::uint16_t>(std::atoi(argv[1])));
        std::printf("%u\n", listener.port);
        std::fflush(stdout);
        bench::relay{std::move(listener), std::move(echo), has_pairs}.run();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_relay: %s\n", error.what());
        return 1;
    }
}
