#include "peering/flows/flow_sender.hpp"

#include "wire/link_message.hpp"

#include <algorithm>
#include <limits>

namespace bester::peering {

namespace {

using std::chrono::milliseconds;

/// Servers learn of a change of routes one after the other: the first probes on a new one, and their answers, may get
/// lost where it is not known yet.
constexpr unsigned hurry_on_new_route = 4;

/// Asking again distinguishes late answers from a destination that has forgotten the flow.
constexpr unsigned answers_below_until_lost = 3;

std::uint32_t budget_until(flow_sender::time_point deadline, flow_sender::time_point now) noexcept {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - now).count();
    constexpr auto most = static_cast<std::int64_t>(std::numeric_limits<std::uint32_t>::max());
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(left, 1, most));
}

}  // namespace

std::string_view to_string(flow_failure why) noexcept {
    switch (why) {
        case flow_failure::expired: return "expired";
        case flow_failure::unreachable: return "unreachable";
        case flow_failure::lost: return "lost";
    }
    return "unknown";
}

flow_sender::flow_sender(const flow_settings& settings, std::uint64_t first_flow)
    : settings_{settings}, store_{settings.most_bytes}, flow_{std::max<std::uint64_t>(first_flow, 1)} {}

bool flow_sender::offer(time_point now, std::string_view body, time_point deadline, std::uint64_t ref) {
    // A message that was given up keeps its place in waiting_ until its turn comes; these are bounded, too.
    if (queued_messages() >= settings_.most_messages) return false;
    if (waiting_.size() >= 2 * settings_.most_messages) drop_given_up();
    entry message;
    if (!store_.store(body, message.bytes)) return false;
    if (queued_messages() == 0) heard_at_ = now;
    message.ref = ref;
    message.deadline = deadline;
    waiting_.push_back(message);
    ++live_waiting_;
    next_deadline_ = std::min(next_deadline_, deadline);
    return true;
}

std::optional<outgoing> flow_sender::next_to_send(time_point now) {
    if (!has_route_) return {};
    if (probe_wanted_) return take_probe(now);
    if (phase_ != phase::open) return {};
    const std::uint64_t end = base_ + sent_.size();
    if (cursor_ < end) {
        const std::uint64_t sequence = cursor_++;
        ++counters_.resent;
        return numbered(now, sequence, sent_[sequence - base_]);
    }
    while (!waiting_.empty() && waiting_.front().is_given_up) waiting_.pop_front();
    if (waiting_.empty()) return {};
    if (sent_.empty()) last_progress_ = now;  // waiting for an acknowledgement begins here
    sent_.push_back(waiting_.front());
    waiting_.pop_front();
    --live_waiting_;
    cursor_ = end + 1;
    ++counters_.sent;
    return numbered(now, end, sent_[sent_.size() - 1]);
}

std::optional<outgoing> flow_sender::take_probe(time_point now) noexcept {
    probe_wanted_ = false;
    probe_is_out_ = true;
    is_answered_below_ = false;
    probed_ = base_ + sent_.size();
    last_progress_ = now;
    return outgoing{true, flow_, probed_, {}};
}

outgoing flow_sender::numbered(time_point now, std::uint64_t sequence, const entry& message) const noexcept {
    if (message.is_given_up) return {false, flow_, sequence, wire::void_body};
    if (message.deadline != no_deadline)
        wire::set_budget(store_.data(message.bytes), message.bytes.size, budget_until(message.deadline, now));
    return {false, flow_, sequence, store_.view(message.bytes)};
}

std::uint64_t flow_sender::withdraw(std::uint64_t number) noexcept {
    entry& message = sent_[number - base_];
    if (message.is_given_up) return 0;
    store_.give_up(message.bytes);
    message.is_given_up = true;
    return message.ref;
}

void flow_sender::ask(time_point now) noexcept {
    if (phase_ == phase::open) phase_ = phase::asking;
    probe_wanted_ = true;
    probe_is_out_ = false;
    last_progress_ = now;
}

void flow_sender::on_route_up(time_point now) noexcept {
    has_route_ = true;
    hurry_ = hurry_on_new_route;
    ask(now);
}

void flow_sender::on_route_down(time_point now) noexcept {
    if (!has_route_) return;
    // A route that comes and goes without an answer does not restart the window.
    if (phase_ == phase::open) heard_at_ = now;
    has_route_ = probe_wanted_ = probe_is_out_ = false;
}

void flow_sender::on_acknowledgement(time_point now, std::uint64_t flow, std::uint64_t next,
                                     wire::acknowledgement_kind kind, std::vector<failed_message>& failed) {
    if (flow != flow_) return;
    heard_at_ = now;
    if (kind == wire::acknowledgement_kind::unknown) return on_unknown(now, next, failed);
    const std::uint64_t end = base_ + sent_.size();
    // It has more than was sent: it means another flow of this number, from before this server's clock went back.
    if (next > end) return lose_flow(now, flow_ + 1, failed);
    const bool has_progress = next > base_;
    if (has_progress) acknowledge_below(now, next);
    if (probe_is_out_) return on_answer(next, has_progress);
    if (kind != wire::acknowledgement_kind::rewind || next != base_ || phase_ != phase::open) return;
    if (rewound_to_ == base_) return;  // several rewinds are on their way for one gap
    rewound_to_ = base_;
    cursor_ = base_;
}

void flow_sender::acknowledge_below(time_point now, std::uint64_t next) noexcept {
    while (base_ < next) {
        const entry& message = sent_.front();
        if (!message.is_given_up) store_.give_up(message.bytes);
        sent_.pop_front();
        ++base_;
        ++counters_.acknowledged;
    }
    cursor_ = std::max(cursor_, base_);
    last_progress_ = now;
    answers_below_ = 0;
}

void flow_sender::on_answer(std::uint64_t next, bool has_progress) noexcept {
    if (next < base_) {
        // The answer is late, or an old probe made a restarted destination begin this flow again; on_timer finds out
        // which.
        is_answered_below_ = true;
        return;
    }
    probe_is_out_ = false;
    hurry_ = 0;
    refused_in_a_row_ = 0;
    answers_below_ = 0;
    const bool was_open = phase_ == phase::open;
    phase_ = phase::open;
    // Messages that were sent before the probe and are not in the answer were lost on the way. An answer with progress
    // may be an acknowledgement from before the probe.
    if (next < probed_ && !(was_open && has_progress)) {
        cursor_ = base_;
        rewound_to_ = base_;
    }
}

void flow_sender::on_unknown(time_point now, std::uint64_t lowest, std::vector<failed_message>& failed) {
    lose_flow(now, flow_after_refusal(lowest), failed);
}

/// Above the id that the destination names; or that one, where this flow's is too far ahead of its clock.
std::uint64_t flow_sender::flow_after_refusal(std::uint64_t lowest) const noexcept {
    if (lowest <= flow_) return lowest;
    return (lowest > most_told_flow ? flow_ : lowest) + 1;
}

void flow_sender::lose_flow(time_point now, std::uint64_t next_flow, std::vector<failed_message>& failed) {
    const bool could_begin = phase_ != phase::opening;
    lose_sent(failed);
    begin_flow(next_flow);
    // At once, unless the destination refuses repeatedly: then with the timer.
    refused_in_a_row_ = could_begin ? 0 : refused_in_a_row_ + 1;
    probe_wanted_ = has_route_ && refused_in_a_row_ < 2;
    last_progress_ = now;
}

void flow_sender::begin_flow(std::uint64_t id) noexcept {
    flow_ = id;
    base_ = cursor_ = 1;
    phase_ = phase::opening;
    probe_wanted_ = has_route_;
    probe_is_out_ = is_answered_below_ = false;
    rewound_to_ = 0;
    answers_below_ = 0;
}

void flow_sender::on_timer(time_point now, std::vector<failed_message>& failed) {
    if (now >= next_deadline_) expire(now, failed);
    if (queued_messages() == 0) store_.trim();
    if (queued_messages() != 0 && now - heard_at_ >= settings_.resume_window) return fail_all(now, failed);
    if (!has_route_) return;
    const bool waits_for_answer = phase_ != phase::open || probe_is_out_ || !sent_.empty();
    if (!waits_for_answer || now - last_progress_ < patience()) return;
    probe_wanted_ = true;
    if (hurry_ != 0) {
        --hurry_;
        return;
    }
    if (probe_is_out_ && is_answered_below_ && ++answers_below_ >= answers_below_until_lost)
        lose_flow(now, flow_ + 1, failed);
}

void flow_sender::expire(time_point now, std::vector<failed_message>& failed) {
    next_deadline_ = no_deadline;
    const auto expire_all_of = [&](ring<entry>& entries) {
        std::size_t expired = 0;
        for (std::size_t i = 0; i < entries.size(); ++i) {
            entry& message = entries[i];
            if (message.is_given_up) continue;
            if (message.deadline <= now) {
                give_up(message, flow_failure::expired, failed);
                ++expired;
            } else {
                next_deadline_ = std::min(next_deadline_, message.deadline);
            }
        }
        return expired;
    };
    expire_all_of(sent_);  // their numbers stay: they are void when they are sent again
    live_waiting_ -= expire_all_of(waiting_);
    while (!waiting_.empty() && waiting_.front().is_given_up) waiting_.pop_front();
}

void flow_sender::fail_all(time_point now, std::vector<failed_message>& failed) {
    const bool ends_flow = phase_ != phase::opening;
    lose_sent(failed);
    for (; !waiting_.empty(); waiting_.pop_front())
        if (!waiting_.front().is_given_up) give_up(waiting_.front(), flow_failure::unreachable, failed);
    live_waiting_ = 0;
    next_deadline_ = no_deadline;
    last_progress_ = now;
    if (ends_flow) begin_flow(flow_ + 1);
    store_.trim();
}

void flow_sender::lose_sent(std::vector<failed_message>& failed) {
    for (; !sent_.empty(); sent_.pop_front())
        if (!sent_.front().is_given_up) give_up(sent_.front(), flow_failure::lost, failed);
}

void flow_sender::give_up(entry& message, flow_failure why, std::vector<failed_message>& failed) {
    store_.give_up(message.bytes);
    message.is_given_up = true;
    switch (why) {
        case flow_failure::expired: ++counters_.expired; break;
        case flow_failure::unreachable: ++counters_.unreachable; break;
        case flow_failure::lost: ++counters_.lost; break;
    }
    if (message.ref != 0) failed.push_back({message.ref, why});
}

void flow_sender::drop_given_up() noexcept {
    for (std::size_t left = waiting_.size(); left != 0; --left) {
        const entry message = waiting_.front();
        waiting_.pop_front();
        if (!message.is_given_up) waiting_.push_back(message);
    }
}

void flow_sender::use(const flow_settings& settings) noexcept {
    settings_ = settings;
    store_.set_limit(settings.most_bytes);
}

}  // namespace bester::peering
