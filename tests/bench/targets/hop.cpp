// One bare TCP hop: accepts connections, opens one to another port for each, and passes bytes on in
// both directions. What any further process in the way costs that forwards over TCP and does nothing
// else. Level-triggered epoll, one read and one write per readable socket, single thread.

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <exception>
#include <vector>

#include "measure/byte_queue.hpp"
#include "measure/sockets.hpp"

namespace bester::bench {
namespace {

struct end {
    unique_fd fd;
    byte_queue out;
    std::size_t other = 0;  ///< where in ends_ the bytes go
    bool waits_for_room = false;
};

class hop {
public:
    hop(tcp_listener listener, std::uint16_t upstream)
        : listener_(std::move(listener)),
          upstream_(upstream),
          epoll_(::epoll_create1(EPOLL_CLOEXEC)),
          receive_(std::size_t{1} << 20) {
        set_nonblocking(listener_.fd.get());
        watch(EPOLL_CTL_ADD, listener_.fd.get(), EPOLLIN, listener_index);
    }

    void run() {
        std::array<epoll_event, 1024> events;
        for (;;) {
            const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
            if (count < 0 && errno != EINTR) fail_errno("epoll_wait");
            for (int i = 0; i < count; ++i) dispatch(events[static_cast<std::size_t>(i)]);
        }
    }

private:
    static constexpr std::uint64_t listener_index = ~std::uint64_t{0};

    void watch(int operation, int fd, std::uint32_t interest, std::uint64_t index) {
        epoll_event event{};
        event.events = interest;
        event.data.u64 = index;
        if (::epoll_ctl(epoll_.get(), operation, fd, &event) != 0) fail_errno("epoll_ctl");
    }

    void dispatch(const epoll_event& event) {
        if (event.data.u64 == listener_index) return accept_all();
        const auto index = static_cast<std::size_t>(event.data.u64);
        try {
            if ((event.events & EPOLLOUT) != 0) flush(index);
            if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && ends_[index].fd) pass_on(index);
        } catch (const std::exception&) {
            ends_[ends_[index].other].fd.reset();
            ends_[index].fd.reset();
        }
    }

    void accept_all() {
        for (;;) {
            unique_fd fd{::accept4(listener_.fd.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
            if (!fd) return;
            set_nodelay(fd.get());
            unique_fd other = connect_tcp(upstream_);
            set_nonblocking(other.get());
            const std::size_t first = ends_.size();
            add(std::move(fd), first + 1);
            add(std::move(other), first);
        }
    }

    void add(unique_fd fd, std::size_t other) {
        watch(EPOLL_CTL_ADD, fd.get(), EPOLLIN, ends_.size());
        end& added = ends_.emplace_back();
        added.fd = std::move(fd);
        added.other = other;
    }

    void pass_on(std::size_t index) {
        const std::size_t got = read_some(ends_[index].fd.get(), receive_.data(), receive_.size());
        end& to = ends_[ends_[index].other];
        to.out.append({receive_.data(), got});
        if (!to.waits_for_room) flush(ends_[index].other);
    }

    void flush(std::size_t index) {
        end& to = ends_[index];
        if (!to.fd) return;
        if (!to.out.empty()) to.out.consume(write_some(to.fd.get(), to.out.view()));
        const bool is_full = !to.out.empty();
        if (is_full == to.waits_for_room) return;
        watch(EPOLL_CTL_MOD, to.fd.get(), is_full ? EPOLLIN | EPOLLOUT : EPOLLIN, index);
        to.waits_for_room = is_full;
    }

    tcp_listener listener_;
    std::uint16_t upstream_;
    unique_fd epoll_;
    std::deque<end> ends_;  ///< two for each connection; places are not used again
    std::vector<char> receive_;
};

}  // namespace
}  // namespace bester::bench

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: bench_hop PORT UPSTREAM_PORT\nprints its port when it listens\n");
        return 2;
    }
    try {
        namespace bench = bester::bench;
        bench::raise_descriptor_limit();
        bench::tcp_listener listener = bench::listen_tcp(static_cast<std::uint16_t>(std::atoi(argv[1])));
        std::printf("%u\n", listener.port);
        std::fflush(stdout);
        bench::hop{std::move(listener), static_cast<std::uint16_t>(std::atoi(argv[2]))}.run();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_hop: %s\n", error.what());
        return 1;
    }
}
