#include "handlers/instance.hpp"

#include "handlers/guard.hpp"
#include "handlers/instance_secret.hpp"
#include "log/log.hpp"
#include "wire/counted.hpp"

#include <fmt/format.h>
#include <asio/post.hpp>

#include <unistd.h>
#include <algorithm>
#include <csignal>

namespace bester::handlers {

namespace {

/// When a channel breaks, its process has most likely just died: the time to wait for its exit status, which gives the
/// reason.
constexpr std::chrono::milliseconds wait_for_exit_text{100};

/// A drained handler exits when its channels are closed: the time to wait for that before SIGTERM.
constexpr std::chrono::milliseconds wait_for_leaving{300};

}  // namespace

std::string in_seconds(std::chrono::milliseconds span) {
    return fmt::format("{:.3g} s", static_cast<double>(span.count()) / 1000.0);
}

instance::instance(const instance_services& services, handler_settings settings, instance_ref ref, unsigned generation,
                   instance_events events)
    : services_(services),
      settings_(std::move(settings)),
      ref_(std::move(ref)),
      label_(ref_.handler + "#" + std::to_string(ref_.number)),
      generation_(generation),
      events_(std::move(events)),
      key_(make_secret()),
      admitted_(services.host.shards()),
      open_(services.host.shards()),
      timer_(services.io) {}

void instance::start_process() {
    token_ = make_secret();
    process_settings what;
    what.command = settings_.command;
    what.environment = settings_.environment;
    what.environment["BESTER_SOCKET"] = services_.socket_path;
    what.environment["BESTER_HANDLER"] = ref_.handler;
    what.environment["BESTER_TOKEN"] = token_;
    what.environment["BESTER_INSTANCE"] = std::to_string(ref_.number);
    what.directory = settings_.directory;
    what.user = settings_.user;
    auto launched = process::start(services_.io, what, services_.watcher);
    if (!launched) {
        finish("could not be started: " + launched.error(), run_end::failed);
        return;
    }
    process_ = std::move(*launched);
    pid_ = process_->pid();
    output_ =
        std::make_unique<instance_output>(services_.io, label_, pid_, process_->take_output(), process_->take_errors());
    process_->on_exit([weak = weak_from_this()](exit_status status) {
        if (const auto self = weak.lock()) self->process_ended(status);
    });
    arm(timer_purpose::hello, clock::now() + settings_.hello_timeout);
    log::info("handler {}: started, pid {}", label_, pid_);
}

void instance::attach(pid_t pid) {
    pid_ = pid;
    log::info("handler {}: attached by hand, pid {}", label_, pid_);
}

bool instance::accepts_token(const std::string& token) const noexcept {
    return life_.is(phase::starting) && is_same_secret(token_, token);
}

bool instance::accepts_key(const std::string& key) const noexcept {
    return (life_.is(phase::starting) || life_.is(phase::ready)) && is_same_secret(key_, key);
}

tl::expected<admission, refusal> instance::admit(const hello_message& hello, uid_t uid) {
    unsigned shard = 0;
    if (!hello.key.empty()) {
        if (uid != uid_)
            return tl::unexpected(refusal{wire::error_code::not_permitted,
                                          "the first channel was opened by user id " + std::to_string(uid_) +
                                              ", so further ones are too, and not by " + std::to_string(uid)});
        shard = hello.shard.value_or(0);
        if (shard >= admitted_.size())
            return tl::unexpected(refusal{wire::error_code::bad_hello, "there are " + std::to_string(admitted_.size()) +
                                                                           " shards, numbered from 0"});
    } else {
        first_hello_ = hello;
        uid_ = uid;
        token_.clear();  // it is valid once
    }
    if (admitted_[shard])
        return tl::unexpected(refusal{wire::error_code::shard_taken,
                                      "the channel of shard " + std::to_string(shard) + " is open already"});
    admitted_[shard] = true;
    admission given;
    given.instance = ref_;
    given.shard = shard;
    given.wishes = first_hello_.wishes;
    given.groups_owner = settings_.groups_owner();
    given.welcome = encode(welcome_for(shard));
    return given;
}

welcome_message instance::welcome_for(unsigned shard) const {
    const std::size_t shards = admitted_.size();
    welcome_message welcome;
    welcome.server = services_.server_name;
    welcome.handler = ref_.handler;
    welcome.instance = label_;
    welcome.shard = shard;
    welcome.shards = static_cast<unsigned>(shards);
    welcome.key = key_;
    welcome.window = std::max<std::size_t>(1, (settings_.window + shards - 1) / shards);
    welcome.message_size = settings_.message_size;
    welcome.recipients = settings_.recipients;
    welcome.config_json = settings_.config_json;
    return welcome;
}

void instance::channel_opened(channel_offer offer) {
    if (!life_.is(phase::starting)) {
        ::close(offer.fd);
        return;
    }
    open_[offer.shard] = life_.open_channel();
    services_.host.open_channel(std::move(offer));
    become_ready();
}

void instance::confirmed() {
    life_.confirm();
    become_ready();
}

/// Makes it ready, if it is starting, all channels are open, and it has said so where it would.
void instance::become_ready() {
    const bool is_open = std::all_of(open_.begin(), open_.end(), [](bool each) { return each; });
    if (!life_.is(phase::starting) || !is_open || (first_hello_.wishes.says_ready && !life_.is_confirmed())) return;
    services_.host.instance_ready(ref_);
    life_.become_ready();
    arm(timer_purpose::none, {});
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - started_at_);
    log::info("handler {}: ready, pid {}, {}, {} after its start", label_, pid_, wire::counted(open_.size(), "channel"),
              in_seconds(took));
    events_.ready(*this);
}

void instance::lost(const std::string& reason, loss why) {
    // The end of the process, the last answer or the limit ends a drain, not the first closed channel.
    if (!life_.lose()) return;
    lost_reason_ = reason;
    if (process_ && why == loss::broken) arm(timer_purpose::exit_text, clock::now() + wait_for_exit_text);
    else terminate(why == loss::hanging ? static_cast<int>(settings_.hang_signal) : SIGTERM);
}

void instance::drain(clock::time_point limit) {
    if (life_.is(phase::starting)) return stop("stopped before it was ready");
    // A second call, such as a shutdown during a drain, can only bring the limit forward.
    if (life_.is(phase::draining) && limit < timer_deadline_) arm(timer_purpose::drain, limit);
    if (!life_.drain()) return;
    services_.host.drain_instance(ref_);
    arm(timer_purpose::drain, limit);
}

void instance::drained() { let_leave(life_.is(phase::draining) ? "drained" : "left by itself"); }

void instance::let_leave(const std::string& reason) {
    if (!life_.leave()) return;
    close_channels(reason);
    if (process_) arm(timer_purpose::leave, clock::now() + wait_for_leaving);
    else terminate(SIGTERM);
}

void instance::stop(const std::string& reason) {
    if (!life_.stop()) return;
    close_channels(reason);
    terminate(SIGTERM);
}

void instance::close_channels(const std::string& reason) {
    if (!life_.has_channels()) return;
    services_.host.close_instance(ref_, reason);
    life_.close_channels();
}

void instance::terminate(int signal) {
    if (life_.is_lost()) close_channels(lost_reason_);
    if (!process_) {
        // A process that was started by hand is not killed; it sees that its channels are closed.
        return life_.is_lost() ? finish(lost_reason_, run_end::failed) : finish("detached", run_end::clean);
    }
    end_signal_ = signal;
    process_->signal_group(signal);
    arm(timer_purpose::kill, clock::now() + settings_.stop_grace);
}

void instance::arm(timer_purpose purpose, clock::time_point at) {
    timer_purpose_ = purpose;
    timer_deadline_ = at;
    if (purpose == timer_purpose::none) {
        timer_.cancel();
        return;
    }
    timer_.expires_at(at);
    timer_.async_wait([weak = weak_from_this()](const asio::error_code& error) {
        const auto self = weak.lock();
        // A wait for an earlier time may still complete without an error after the timer was set again.
        if (self && !error && clock::now() >= self->timer_deadline_) self->timer_fired();
    });
}

void instance::timer_fired() {
    switch (std::exchange(timer_purpose_, timer_purpose::none)) {
        case timer_purpose::none: break;
        case timer_purpose::hello:
            lost_reason_ = "not ready within " + in_seconds(settings_.hello_timeout) +
                           " (hello_timeout): it did not open all its channels";
            life_.lose();
            terminate(SIGTERM);
            break;
        case timer_purpose::exit_text:
        case timer_purpose::leave: terminate(SIGTERM); break;
        case timer_purpose::drain:
            log::warning(
                "handler {}: pid {} has not answered all it holds at the end of its drain "
                "time; stopping it",
                label_, pid_);
            stop("not drained in time");
            break;
        case timer_purpose::kill:
            log::warning("handler {}: pid {} still runs {} after SIG{} (stop_grace); killing it", label_, pid_,
                         in_seconds(settings_.stop_grace), ::sigabbrev_np(end_signal_));
            process_->signal_group(SIGKILL);
            break;
    }
}

void instance::process_ended(const exit_status& status) {
    const bool was_asked = life_.is_to_end();
    const std::string exit_text = describe(status);
    std::string reason = life_.is_drained() ? exit_text + " after the drain" : exit_text;
    // The reason for ending it says more than the signal that was sent.
    if (life_.is_lost())
        reason = timer_purpose_ == timer_purpose::exit_text ? exit_text + " (" + lost_reason_ + ")"
                                                            : lost_reason_ + "; then " + exit_text;
    output_->finish();
    close_channels(exit_text);
    const bool left_cleanly = status.is_success() && life_.was_ready() && !life_.is_lost();
    finish(std::move(reason), was_asked || left_cleanly ? run_end::clean : run_end::failed);
}

void instance::finish(std::string reason, run_end kind) {
    end_ = {std::move(reason), {started_at_, life_.was_ready(), kind}};
    life_.finish();
    arm(timer_purpose::none, {});
    tell_end();
}

/// Posted, since the owner destroys this object, which a caller still uses.
void instance::tell_end() {
    asio::post(services_.io, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self || !self->life_.must_tell()) return;
        self->events_.gone(*self, self->end_);
        self->life_.told();
    });
}

void instance::go_on() {
    if (life_.is(phase::gone)) {
        if (life_.must_tell()) tell_end();
        return;
    }
    const bool has_ended = process_ && process_->has_ended();
    const bool is_half_started =
        life_.is(phase::starting) && settings_.start == start_mode::automatic && timer_purpose_ == timer_purpose::none;
    if (has_ended || is_half_started) {
        const char* const reason = has_ended ? "ended during an internal error" : "could not be started";
        close_channels(reason);
        process_.reset();
        return finish(reason, run_end::failed);
    }
    if (life_.is(phase::stopping) && timer_purpose_ == timer_purpose::none) return terminate(SIGTERM);
    if (timer_purpose_ != timer_purpose::none) arm(timer_purpose_, timer_deadline_);
}

}  // namespace bester::handlers
