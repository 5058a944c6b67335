#include "load/connection_pool.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include "measure/process_meter.hpp"

namespace bester::bench {
namespace {

constexpr std::int64_t log_in_limit_ms = 30'000;

void watch(int epoll, int operation, connection& which, std::uint32_t interest) {
    epoll_event event{};
    event.events = interest;
    event.data.ptr = &which;
    if (::epoll_ctl(epoll, operation, which.fd.get(), &event) != 0) fail_errno("epoll_ctl");
}

}  // namespace

void workload::on_part(connection&, unsigned, request_id) {
    throw std::runtime_error("an answer that nobody asked for");
}
void workload::on_delivery(connection&, request_id) { throw std::runtime_error("a delivery that nobody asked for"); }
void workload::on_published(connection&, request_id, std::int64_t) {
    throw std::runtime_error("a confirmation that nobody asked for");
}

/// Adds the connection to what the parser reports.
class connection_pool::adapter final : public answer_sink {
public:
    adapter(connection& from, workload& who) : from_(from), who_(who) {}
    void on_ready() override {
        ++from_.ready;
        who_.on_ready(from_);
    }
    void on_part(unsigned part, request_id id) override { who_.on_part(from_, part, id); }
    void on_delivery(request_id id) override { who_.on_delivery(from_, id); }
    void on_published(request_id id, std::int64_t delivered) override { who_.on_published(from_, id, delivered); }

private:
    connection& from_;
    workload& who_;
};

connection_pool::connection_pool(const protocol& speaks, std::uint16_t port)
    : speaks_(speaks), port_(port), epoll_(::epoll_create1(EPOLL_CLOEXEC)), receive_(std::size_t{1} << 20) {}

void connection_pool::connect(std::size_t count, role as, workload& who, std::size_t at_once) {
    connect_to(port_, count, as, who, at_once);
}

void connection_pool::connect_to(std::uint16_t port, std::size_t count, role as, workload& who, std::size_t at_once) {
    const std::size_t first = connections_.size();
    const std::size_t total = connections_.size() + count;
    std::size_t logging_in_from = connections_.size();
    while (connections_.size() < total) {
        while (connections_.size() < std::min(total, logging_in_from + at_once)) {
            connection& fresh = connections_.emplace_back();
            fresh.index = static_cast<std::uint32_t>(connections_.size() - 1);
            fresh.as = as;
            fresh.number = static_cast<std::uint32_t>(fresh.index - first);
            fresh.fd = connect_tcp(port);
            set_nonblocking(fresh.fd.get());
            watch(epoll_.get(), EPOLL_CTL_ADD, fresh, EPOLLIN);
            if (!speaks_.open(as, fresh.number, fresh.out)) fresh.ready = 1;
            if (speaks_.carried() != carriage::plain) {
                fresh.websocket.emplace(speaks_.carried(), fresh.index * 2'654'435'761u)
                    .open(speaks_.path(), fresh.wire);
            }
            flush(fresh);
        }
        run_until(
            [&] {
                while (logging_in_from < connections_.size() && connections_[logging_in_from].ready > 0)
                    ++logging_in_from;
                return logging_in_from == connections_.size();
            },
            log_in_limit_ms, "log-in of all connections", who);
    }
}

void connection_pool::turn(int timeout_ms, workload& who) {
    std::array<epoll_event, 1024> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout_ms);
    if (count < 0 && errno != EINTR) fail_errno("epoll_wait");
    for (int i = 0; i < count; ++i) {
        connection& which = *static_cast<connection*>(events[static_cast<std::size_t>(i)].data.ptr);
        const std::uint32_t what = events[static_cast<std::size_t>(i)].events;
        if ((what & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read(which, who);
        if (which.has_output() && (!which.waits_for_room || (what & EPOLLOUT) != 0)) flush(which);
    }
}

void connection_pool::run_until(const std::function<bool()>& done, std::int64_t limit_ms, const char* what,
                                workload& who) {
    const std::int64_t deadline = monotonic_ns() + limit_ms * 1'000'000;
    while (!done()) {
        if (monotonic_ns() > deadline) {
            throw std::runtime_error("gave up after " + std::to_string(limit_ms) + " ms: " + what);
        }
        turn(100, who);
    }
}

void connection_pool::read(connection& from, workload& who) {
    adapter sink{from, who};
    std::string_view bytes{receive_.data(), read_some(from.fd.get(), receive_.data(), receive_.size())};
    if (!from.partial.empty()) {
        from.partial.append(bytes);
        from.partial.consume(take(from, from.partial.view(), sink));
        return;
    }
    bytes.remove_prefix(take(from, bytes, sink));
    from.partial.append(bytes);
}

/// The size of what was complete at the front.
std::size_t connection_pool::take(connection& from, std::string_view bytes, answer_sink& sink) {
    if (!from.websocket) return speaks_.parse(bytes, from.as, from.out, sink);
    const std::size_t done = from.websocket->unwrap(bytes, from.carried, from.wire);
    from.carried.consume(speaks_.parse(from.carried.view(), from.as, from.out, sink));
    return done;
}

void connection_pool::flush(connection& to) {
    if (to.websocket) to.websocket->wrap(to.out, to.wire);
    byte_queue& sent = to.websocket ? to.wire : to.out;
    if (sent.empty()) return;  // an upgrade that has not been agreed to
    sent.consume(write_some(to.fd.get(), sent.view()));
    const bool is_full = !sent.empty();
    if (is_full == to.waits_for_room) return;
    watch(epoll_.get(), EPOLL_CTL_MOD, to, is_full ? EPOLLIN | EPOLLOUT : EPOLLIN);
    to.waits_for_room = is_full;
}

}  // namespace bester::bench
