#include "runtime.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <thread>
#include <utility>

#include "frame_writer.hpp"

namespace bester::detail {

namespace {

constexpr std::uint64_t stop_tag = ~std::uint64_t{0};
constexpr std::uint64_t inbox_tag = stop_tag - 1;
constexpr unsigned reads_in_a_turn = 4;

void add_to_epoll(int epoll, int fd, std::uint64_t tag, std::uint32_t events) {
    epoll_event wanted{};
    wanted.events = events;
    wanted.data.u64 = tag;
    if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &wanted) != 0)
        throw std::system_error{errno, std::generic_category(), "epoll_ctl"};
}

bool is_worth_retrying(const std::string& code) {
    // An instance of before may not have gone yet; a broker that restarts may be busy.
    return code == "instances_full" || code == "shard_taken" || code == "busy" || code == "shutting_down" ||
           code == "too_many_connections";
}

}  // namespace

runtime::runtime() : inbox_{std::make_shared<inbox>(*this)}, epoll_{::epoll_create1(EPOLL_CLOEXEC)} {
    if (!epoll_) throw std::system_error{errno, std::generic_category(), "epoll_create1"};
    add_to_epoll(epoll_.get(), stop.fd(), stop_tag, EPOLLIN);
    add_to_epoll(epoll_.get(), inbox_->event_fd(), inbox_tag, EPOLLIN);
}

runtime::~runtime() { inbox_->close(); }

int runtime::run(const run_settings& settings) {
    settings_ = settings;
    exit_code_.reset();
    is_draining_ = false;
    stops_ = 0;
    const stop_signals signals{stop};
    inbox_->set_loop_thread(std::this_thread::get_id());
    now_ = clock::now();
    attach_at_ = now_;
    while (!exit_code_) {
        if (attach_at_ && *attach_at_ <= now_) attach_now();
        if (exit_code_) break;
        wait();
        timers.run_due(now_, [this](const callback<void()>& function) {
            call_author("a timer", function);
            after_call();
        });
        flush_all();
        if (lost_) lose_attachment();
        if (is_draining_ && is_drain_done(now_)) finish(0);
    }
    lost_.reset();
    is_attached_ = false;
    channels_.clear();
    attach_at_.reset();
    inbox_->set_loop_thread({});
    return *exit_code_;
}

void runtime::attach_now() {
    attach_at_.reset();
    attach_settings wanted{settings_.socket, settings_.handler, settings_.token, {}};
    const auto& presence = functions.presence;
    const bool wants_peers = presence.peer_up || presence.peer_down;
    const bool wants_groups = static_cast<bool>(presence.groups);
    const bool wants_clients = presence.connected || presence.disconnected || presence.joined || presence.left ||
                               (presence.snapshot && !wants_peers && !wants_groups);
    if (wants_clients) wanted.events.emplace_back("clients");
    if (wants_peers) wanted.events.emplace_back("peers");
    if (wants_groups) wanted.events.emplace_back("groups");
    auto result = attach(wanted, stop.fd());
    now_ = clock::now();
    if (auto* made = std::get_if<attachment>(&result)) {
        presence_.reset(wants_clients || wants_groups ? made->channels.size() : wants_peers ? 1 : 0);
        return begin_attachment(std::move(*made));
    }
    const auto& failure = std::get<attach_failure>(result);
    if (failure.what == attach_failure::kind::interrupted) return on_stop();
    const bool is_refused = failure.what == attach_failure::kind::refused;
    if (!settings_.token.empty() || (is_refused && !is_worth_retrying(failure.code))) {
        log_line(severity::error,
                 is_refused ? "not accepted by the broker: " + failure.code + ": " + failure.reason : failure.reason);
        return finish(is_refused ? 3 : 1);
    }
    const auto pause = backoff_.next(random_);
    log_line(severity::warning, failure.reason + "; trying again in " + std::to_string(pause.count()) + " ms");
    attach_at_ = now_ + pause;
}

void runtime::begin_attachment(attachment made) {
    backoff_.reset();
    ++attachment_;
    channels_ = std::move(made.channels);
    greeting_ = std::move(made.greeting);
    order_.reset(channels_.size(), !functions.is_unordered);
    for (unsigned shard = 0; shard < channels_.size(); ++shard) {
        add_to_epoll(epoll_.get(), channels_[shard].fd(), shard, EPOLLIN);
        channels_[shard].interest = EPOLLIN;
    }
    largest_frame_ = greeting_.message_size;
    is_attached_ = true;
    try {
        if (functions.welcome) functions.welcome(greeting_);
    } catch (const std::exception& mistake) {
        log_line(severity::error, std::string{"the welcome function threw: "} + mistake.what());
        return finish(4);
    } catch (...) {
        log_line(severity::error, "the welcome function threw something that is no std::exception");
        return finish(4);
    }
    // Only now may messages come: a handler whose welcome function refuses its config serves nobody, and a replaced one
    // goes on.
    write_frame(channels_.front().output(), R"({"kind":"ready"})");
    if (!channels_.front().flush()) lost_ = "the broker closed a channel";
    sent_at_ = clock::now();
    // The first messages may have come with the welcome.
    for (unsigned shard = 0; shard < channels_.size(); ++shard) decode_frames(shard);
    flush_all();
}

void runtime::lose_attachment() {
    is_attached_ = false;
    const bool had_unanswered =
        std::any_of(channels_.begin(), channels_.end(), [](const channel& it) { return it.unanswered > 0; });
    // A broker may close as soon as it has what a draining handler owed it.
    if (!is_draining_ || had_unanswered) log_line(severity::warning, "connection lost: " + *lost_);
    lost_.reset();
    channels_.clear();
    ++attachment_;
    for (auto& [number, function] : reports_.take_all())
        fail_report(std::move(function), "connection_lost", "the broker is gone");
    for (auto& [number, function] : queries_.take_all())
        call_author("a query's function", [&] { function(query_failure{"connection_lost", "the broker is gone"}); });
    if (is_draining_) return finish(had_unanswered ? 1 : 0);
    if (!settings_.token.empty()) return finish(1);
    attach_at_ = now_ + backoff_.next(random_);
}

int runtime::wait_milliseconds() const {
    if (lost_) return 0;
    std::optional<clock::time_point> due = timers.next();
    const auto consider = [&](clock::time_point point) { due = due ? std::min(*due, point) : point; };
    if (attach_at_) consider(*attach_at_);
    if (is_draining_) consider(now_ < quiet_until_ ? quiet_until_ : now_ + drain_quiet);
    if (!due) return -1;
    constexpr std::chrono::milliseconds longest{60'000};
    const auto left = *due - clock::now();
    if (left > longest) return static_cast<int>(longest.count());
    return static_cast<int>(std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(left).count()));
}

void runtime::wait() {
    std::array<epoll_event, 64> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait_milliseconds());
    sent_at_ = now_ = clock::now();
    for (int i = 0; i < count; ++i) {
        const auto& event = events[static_cast<std::size_t>(i)];
        if (event.data.u64 == stop_tag) on_stop();
        else if (event.data.u64 == inbox_tag) run_inbox();
        else if (event.data.u64 < channels_.size() && (event.events & ~std::uint32_t{EPOLLOUT}) != 0)
            on_readable(static_cast<unsigned>(event.data.u64));
        // Writability needs nothing here: each turn ends with writing.
    }
}

void runtime::on_readable(unsigned shard) {
    for (unsigned reads = 0; reads < reads_in_a_turn && !lost_; ++reads) {
        const auto status = channels_[shard].receive();
        if (status == channel::read_status::dry) return;
        if (status == channel::read_status::closed) {
            lost_ = "the broker closed a channel";
            return;
        }
        decode_frames(shard);
        if (channels_[shard].is_paused || channels_[shard].is_held || !channels_[shard].may_have_more()) return;
    }
}

void runtime::flush_all() {
    std::size_t waiting = 0;
    for (bool is_done = false; !is_done && !lost_;) {
        is_done = true;
        waiting = 0;
        for (unsigned shard = 0; shard < channels_.size() && !lost_; ++shard) {
            // A channel that went on decoding may have written to one that was flushed before it.
            if (!flush_channel(shard)) is_done = false;
            waiting += channels_[shard].output().size();
        }
    }
    for (unsigned shard = 0; shard < channels_.size() && !lost_; ++shard) watch(shard);
    waiting_bytes_ += waiting - output_bytes_;
    output_bytes_ = waiting;
}

void runtime::after_call() {
    constexpr std::chrono::milliseconds longest_unsent{20};
    constexpr std::chrono::milliseconds longest_silence{1'000};
    const auto silent = clock::now() - sent_at_;
    if (silent < longest_unsent) return;
    sent_at_ += silent;
    for (channel& it : channels_) {
        // A ping may wait behind many messages that each take long.
        if (it.output().empty() && silent >= longest_silence) write_frame(it.output(), pong_frame);
        if (!it.output().empty() && !it.flush()) lost_ = "the broker closed a channel";
    }
}

/// False if frames were decoded, so that there may be more to write.
bool runtime::flush_channel(unsigned shard) {
    channel& it = channels_[shard];
    if (!it.output().empty() && !it.flush()) lost_ = "the broker closed a channel";
    const bool goes_on =
        (it.is_paused && it.output().size() <= channel::low_water) || (it.is_held && presence_.may_read(shard));
    if (lost_ || !goes_on) return true;
    // What was received but not decoded while the output was full, or another snapshot was due, wakes nobody.
    it.is_paused = it.is_held = false;
    decode_frames(shard);
    return false;
}

void runtime::watch(unsigned shard) {
    channel& it = channels_[shard];
    const std::uint32_t reading = it.is_paused || it.is_held ? 0U : std::uint32_t{EPOLLIN};
    const std::uint32_t writing = it.output().empty() ? 0U : std::uint32_t{EPOLLOUT};
    if ((reading | writing) == it.interest) return;
    epoll_event changed{};
    changed.events = it.interest = reading | writing;
    changed.data.u64 = shard;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, it.fd(), &changed);
}

void runtime::run_inbox() {
    inbox_->take(posted_);
    for (const auto& function : posted_) {
        call_author("a posted function", [&] { function(*this); });
        after_call();
    }
    posted_.clear();
}

void runtime::on_stop() {
    stops_ += stop.take();
    if (stops_ == 0) return;
    if (channels_.empty()) return finish(0);
    if (stops_ > 1) {
        log_line(severity::information, "stopped twice: leaving without answering the rest");
        return finish(1);
    }
    begin_drain();
}

void runtime::begin_drain() {
    is_draining_ = true;
    quiet_until_ = now_ + drain_quiet;
    for (auto& it : channels_)
        if (!it.is_drained) write_frame(it.output(), R"({"kind":"draining"})");
}

bool runtime::is_drain_done(clock::time_point now) const {
    if (channels_.empty()) return true;
    const auto all = [&](auto&& holds) { return std::all_of(channels_.begin(), channels_.end(), holds); };
    if (!all([](const channel& it) { return it.output().empty(); })) return false;
    if (!all([](const channel& it) { return it.is_drained; }) && now < quiet_until_) return false;
    // What is past its deadline has been answered by the broker.
    return all([](const channel& it) { return it.unanswered == 0; }) || now > latest_deadline_;
}

}  // namespace bester::detail
