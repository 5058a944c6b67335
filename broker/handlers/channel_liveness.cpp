// channel: deadlines of messages, and liveness of the instance.
#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "handlers/channel.hpp"
#include "handlers/handler_queue.hpp"
#include "handlers/log_words.hpp"
#include "handlers/shard_handlers.hpp"
#include "log/log.hpp"
#include "wire/client_codec.hpp"

namespace bester::handlers {

using exchange::counter;
using wire::error_code;

namespace {

/// Frames on several channels are sent at almost the same time, so that they come at almost the same time.
constexpr std::uint64_t longest_after_ms = 5'000;

double seconds(std::chrono::milliseconds span) { return static_cast<double>(span.count()) / 1000.0; }

}  // namespace

std::string held_for(std::uint64_t sent_ms, std::uint64_t now_ms) {
    return fmt::format(" (held {:.3g} s)", static_cast<double>(now_ms - sent_ms) / 1000.0);
}

/// Any frame shows that the instance lives.
void channel::heard() {
    if (heard_ms_ != shard_.now_ms()) {
        heard_ms_ = shard_.now_ms();
        progress_->heard_ms[shard_.index()].store(heard_ms_, std::memory_order_relaxed);
    }
    if (liveness_.heard())
        log::info("handler {}: it goes on, shard {} has heard it", name_of(instance_), shard_.index());
}

/// Returns whether a frame came on another channel of the instance, later than here.
bool channel::was_heard_elsewhere() const noexcept {
    return std::any_of(progress_->heard_ms.begin(), progress_->heard_ms.end(),
                       [this](const auto& other) { return other.load(std::memory_order_relaxed) > heard_ms_; });
}

bool channel::sweep(std::uint64_t now_ms) {
    if (after_.look(now_ms) >= longest_after_ms) {
        protocol_error("`after` names frames that did not come within 5 s");
        return false;
    }
    // The other channel may have been closed before it was asked to tell of its frames, or opened after that.
    if (after_.is_running() && progress_->executed[awaited_.shard].load(std::memory_order_acquire) >= awaited_.count)
        after_may_be_met();
    const bool is_owed = !held_.empty();
    if (queue_.settings().start != start_mode::manual) {
        const bool was_missed = expire(now_ms);
        if (!is_open() || !judge(now_ms, is_owed, was_missed)) return false;
    }
    return !held_.empty() || after_.is_running() || liveness_.is_waiting_for_pong();
}

/// Ends messages that are past their deadline. Returns whether one of them was handed over after the last frame of the
/// instance.
bool channel::expire(std::uint64_t now_ms) {
    if (held_.empty()) return false;
    bool was_missed = false;
    bool was_released = false;
    held_.for_each([&](std::uint64_t id, held_message& used) {
        // One whose answer is being executed has been answered in time.
        if (now_ms < used.place.deadline_ms || id == answering_) return;
        was_missed = was_missed || heard_ms_ <= used.sent_ms;
        shard_.count(counter::handler_timeouts);
        shard_.guarded("what is noted of a late message", [&] {
            log_timeout(used, now_ms);
            overdue_.add({id, describe(used.message), used.sent_ms, now_ms}, heard_ms_);
        });
        const auto error = wire::as_status_error(error_code::handler_timeout);
        shard_.commands().finish(exchange::view_of(used.message), &error);
        release(id, used);
        was_released = true;
    });
    if (was_released) {
        queue_.room_at(*this);
        check_drained();
    }
    return was_missed;
}

void channel::log_timeout(const held_message& missed, std::uint64_t now_ms) {
    log::warning("handler {}: no answer within the deadline to {}{}", name_of(instance_), describe(missed.message),
                 held_for(missed.sent_ms, now_ms));
}

/// Asks whether the instance lives, or ends it. Returns false if the channel was closed.
bool channel::judge(std::uint64_t now_ms, bool is_owed, bool was_missed) {
    // At the end of a drain the instance is ended anyway, and the log names its messages.
    if (service_ != service::open) return true;
    // A process that does not answer pings may serve only one channel at a time.
    if (!liveness_.answers_pings() && is_owed && was_heard_elsewhere()) {
        heard_ms_ = now_ms;
        liveness_.heard();
    }
    const handler_settings& settings = queue_.settings();
    const liveness_limits limits{static_cast<std::uint64_t>(settings.ping_interval.count()),
                                 static_cast<std::uint64_t>(settings.ping_timeout.count()),
                                 static_cast<std::uint64_t>(settings.silence_timeout.count())};
    switch (liveness_.look(now_ms, is_owed, was_missed, limits)) {
        case liveness::verdict::alive: return true;
        case liveness::verdict::ask: queue_frame(wire::make_frame(R"({"kind":"ping"})")); return true;
        case liveness::verdict::hanging: break;
    }
    // The instance has sent something that is not read yet.
    if (after_.is_running() || has_unread_input()) {
        liveness_.heard();
        return true;
    }
    hangs(now_ms);
    return is_open();
}

void channel::hangs(std::uint64_t now_ms) {
    const handler_settings& settings = queue_.settings();
    shard_.count(counter::handler_hangs);
    const std::string reason =
        liveness_.answers_pings()
            ? fmt::format("it did not answer a ping within {:.3g} s (ping_timeout)", seconds(settings.ping_timeout))
            : fmt::format("it was silent for {:.3g} s (silence_timeout)", seconds(settings.silence_timeout));
    log::warning("handler {}: hangs: {}; on shard {} it holds {}{}", name_of(instance_), reason, shard_.index(),
                 held_messages(now_ms),
                 settings.hang == hang_action::tell ? "; it is left alone (`hang` is \"tell\")" : "");
    if (settings.hang == hang_action::tell) return liveness_.leave_alone();
    lost(reason, loss::hanging);
}

/// Returns for the log the messages that it has not answered, the oldest first, including those past their deadline.
std::string channel::held_messages(std::uint64_t now_ms) const {
    std::vector<std::pair<std::uint64_t, std::string>> held;
    for (const overdue_message& late : overdue_.all())
        held.emplace_back(late.id, late.what + held_for(late.sent_ms, now_ms));
    held_.for_each([&](std::uint64_t id, const held_message& each) {
        held.emplace_back(id, describe(each.message) + held_for(each.sent_ms, now_ms));
    });
    if (held.empty()) return "nothing";
    std::sort(held.begin(), held.end());
    std::string listed;
    for (std::size_t i = 0; i < std::min(held.size(), most_logged); ++i) listed += (i ? ", " : "") + held[i].second;
    return listed + (held.size() > most_logged ? ", …" : "");
}

}  // namespace bester::handlers
