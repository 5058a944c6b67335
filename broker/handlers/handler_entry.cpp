#include "handlers/handler_entry.hpp"

#include <algorithm>
#include <tuple>

#include "log/log.hpp"
#include "wire/counted.hpp"

namespace bester::handlers {

bool needs_new_process(const handler_settings& before, const handler_settings& after) {
    const auto what_a_process_sees = [](const handler_settings& settings) {
        return std::tie(settings.start, settings.command, settings.socket, settings.environment, settings.directory,
                        settings.user, settings.window, settings.message_size, settings.recipients,
                        settings.config_json, settings.groups);
    };
    return what_a_process_sees(before) != what_a_process_sees(after);
}

handler_entry::handler_entry(const entry_services& services, handler_settings settings,
                             std::function<void(handler_entry&)> idle)
    : services_(services), settings_(std::move(settings)), idle_(std::move(idle)) {}

void handler_entry::start() {
    wanted_ = true;
    resize();
    if (settings_.start != start_mode::automatic) return;
    for (const auto& each : slots_)
        if (is_vacant(*each)) begin(*each);
}

/// Returns whether an instance that drains or stops still has this slot.
bool handler_entry::is_being_left(const slot& in) const noexcept {
    return std::any_of(retired_.begin(), retired_.end(),
                       [&](const auto& life) { return life->ref().number == in.number; });
}

/// Returns whether an instance may be started in this slot now.
bool handler_entry::is_vacant(const slot& in) const noexcept {
    if (in.serving || in.coming || in.backing_off) return false;
    return settings_.replace == replace_mode::beside || !is_being_left(in);
}

void handler_entry::update(handler_settings settings) {
    const bool replace = needs_new_process(settings_, settings);
    settings_ = std::move(settings);
    for (const auto& each : slots_) each->policy.use(settings_.restart);
    if (replace) replace_all();
    if (wanted_) start();
}

void handler_entry::restart() {
    replace_all();
    start();
}

void handler_entry::drain(clock::time_point limit) {
    wanted_ = false;
    for (const auto& each : slots_) {
        cancel_backoff(*each);
        retire(each->serving, limit);
        retire(each->coming, limit);
    }
    for (const auto& each : retired_) each->drain(limit);
}

void handler_entry::go_on() {
    const auto keep = shared_from_this();  // idle_ may destroy the entry
    auto all = retired_;
    for (const auto& each : slots_) {
        all.push_back(each->serving);
        all.push_back(each->coming);
        if (each->coming && each->coming->current_phase() == instance::phase::ready) became_ready(*each->coming);
        if (!each->backing_off) continue;
        begin_later(*each, std::max(std::chrono::milliseconds{0},
                                    std::chrono::ceil<std::chrono::milliseconds>(each->due - clock::now())));
    }
    for (const auto& each : all)
        if (each) each->go_on();
    if (wanted_) start();
    else if (is_idle()) idle_(*this);
}

handler_entry::clock::time_point handler_entry::drain_limit() const {
    auto longest = std::max(settings_.deadline, settings_.stop_grace);
    for (const auto& [type, deadline] : settings_.deadlines) longest = std::max(longest, deadline);
    return clock::now() + longest;
}

void handler_entry::resize() {
    while (slots_.size() > settings_.instances) {
        slot& last = *slots_.back();
        cancel_backoff(last);
        retire(last.serving, drain_limit());
        retire(last.coming, drain_limit());
        slots_.pop_back();
    }
    while (slots_.size() < settings_.instances)
        slots_.push_back(
            std::make_unique<slot>(services_.instances.io, static_cast<unsigned>(slots_.size()), settings_.restart));
}

std::shared_ptr<instance> handler_entry::make_instance(slot& in) {
    instance_events events;
    events.ready = [this](instance& which) { became_ready(which); };
    events.gone = [this](instance& which, const instance_end& end) { ended(which, end); };
    return std::make_shared<instance>(services_.instances, settings_,
                                      instance_ref{settings_.name, in.number, services_.next_epoch()}, generation_,
                                      std::move(events));
}

void handler_entry::begin(slot& in) {
    in.coming = make_instance(in);
    in.coming->start_process();
}

void handler_entry::begin_later(slot& in, std::chrono::milliseconds delay) {
    in.backing_off = true;
    in.due = clock::now() + delay;
    in.timer.expires_at(in.due);
    in.timer.async_wait([weak = weak_from_this(), number = in.number](const asio::error_code& error) {
        const auto self = weak.lock();
        if (!self || error || number >= self->slots_.size()) return;
        slot& waiting = *self->slots_[number];
        // A wait for an earlier time may still complete without an error.
        if (!waiting.backing_off || clock::now() < waiting.due) return;
        waiting.backing_off = false;
        self->begin(waiting);
    });
}

void handler_entry::cancel_backoff(slot& in) {
    in.backing_off = false;
    in.timer.cancel();
}

void handler_entry::replace_all() {
    ++generation_;
    for (const auto& each : slots_) {
        each->policy.reset();
        cancel_backoff(*each);
        retire(each->coming, drain_limit());
        // An instance that was started by hand is started again by hand only.
        if (settings_.start == start_mode::manual) retire(each->serving, drain_limit());
    }
    roll();
}

/// One at a time, so that a change that does not work costs one failed start and no service.
void handler_entry::roll() {
    if (!wanted_ || settings_.start != start_mode::automatic) return;
    const bool is_after = settings_.replace == replace_mode::after;
    for (const auto& each : slots_)
        if (each->serving ? each->coming || each->backing_off : is_after) return;
    for (const auto& each : slots_)
        if (each->serving && each->serving->generation() < generation_) {
            if (is_after) retire(each->serving, drain_limit());
            else begin(*each);
            return;
        }
}

void handler_entry::retire(std::shared_ptr<instance>& old, clock::time_point limit) {
    if (!old) return;
    retired_.push_back(std::move(old));
    old = nullptr;
    retired_.back()->drain(limit);
}

void handler_entry::became_ready(instance& which) {
    for (const auto& each : slots_) {
        if (each->coming.get() != &which) continue;
        each->policy.became_ready();
        retire(each->serving, drain_limit());
        each->serving = std::move(each->coming);
        each->coming = nullptr;
        break;
    }
    roll();
}

void handler_entry::ended(instance& which, const instance_end& end) {
    const auto keep = shared_from_this();  // idle_ may destroy the entry
    const auto old =
        std::find_if(retired_.begin(), retired_.end(), [&](const auto& each) { return each.get() == &which; });
    if (old != retired_.end()) {
        log::info("handler {}: stopped, pid {}: {}", which.label(), which.pid(), end.reason);
        retired_.erase(old);
        if (wanted_ && settings_.start == start_mode::automatic)
            for (const auto& each : slots_)
                if (each->number == which.ref().number && is_vacant(*each)) begin(*each);
    }
    for (const auto& each : slots_)
        if (each->serving.get() == &which || each->coming.get() == &which) {
            ended_in_service(*each, which, end);
            break;
        }
    if (!wanted_ && is_idle()) idle_(*this);
}

void handler_entry::ended_in_service(slot& in, instance& which, const instance_end& end) {
    in.last_exit = end.reason;
    in.last_output = which.last_output();
    const bool was_serving = in.serving.get() == &which;
    const std::string who = which.label() + (which.pid() ? ": pid " + std::to_string(which.pid()) : "");
    (was_serving ? in.serving : in.coming) = nullptr;
    if (settings_.start == start_mode::manual) {
        log::info("handler {}: {}; waiting for another one", who, end.reason);
        return;
    }
    if (was_serving && (in.coming || in.backing_off)) {
        log::warning("handler {}: {}; its replacement is on the way", who, end.reason);
        return;
    }
    const restart_decision next = in.policy.ended(end.run, clock::now(), services_.random());
    ++in.restarts;
    const std::string output = next.failed_start && !in.last_output.empty() ? "; its last line: " + in.last_output : "";
    const std::string when = next.delay.count() == 0 ? "now" : "in " + in_seconds(next.delay);
    if (end.run.end == run_end::clean) log::info("handler {}: {}; starting it again {}", who, end.reason, when);
    else log::warning("handler {}: {}{}; starting it again {}", who, end.reason, output, when);
    if (next.newly_degraded)
        log::error(
            "handler {}: degraded: {} within {}; trying again every {} at "
            "most. Mend its command, then `bester handlers restart {}` tries at once",
            which.label(),
            wire::counted(settings_.restart.degraded_after, next.failed_start ? "failed start" : "failure"),
            in_seconds(settings_.restart.degraded_window), in_seconds(settings_.restart.longest_delay), settings_.name);
    if (next.delay.count() == 0) begin(in);
    else begin_later(in, next.delay);
}

tl::expected<instance*, refusal> handler_entry::attach(pid_t pid) {
    if (settings_.start != start_mode::manual)
        return tl::unexpected(
            refusal{wire::error_code::not_permitted, "the broker starts the handler '" + settings_.name +
                                                         "' itself; \"start\": \"manual\" lets you attach one"});
    if (!wanted_)
        return tl::unexpected(refusal{wire::error_code::not_permitted,
                                      "the handler '" + settings_.name + "' has been drained; restart it first"});
    for (const auto& each : slots_)
        if (is_vacant(*each)) {
            each->coming = make_instance(*each);
            each->coming->attach(pid);
            return each->coming.get();
        }
    return tl::unexpected(refusal{wire::error_code::instances_full, "the handler '" + settings_.name + "' has the " +
                                                                        wire::counted(settings_.instances, "instance") +
                                                                        " that it may have"});
}

template <class Predicate>
instance* handler_entry::find_if(Predicate matches) const {
    for (const auto& each : slots_)
        for (const auto& life : {each->serving, each->coming})
            if (life && matches(*life)) return life.get();
    for (const auto& life : retired_)
        if (matches(*life)) return life.get();
    return nullptr;
}

instance* handler_entry::find_by_token(const std::string& token) const {
    return find_if([&](const instance& life) { return life.accepts_token(token); });
}

instance* handler_entry::find_by_key(const std::string& key) const {
    return find_if([&](const instance& life) { return life.accepts_key(key); });
}

instance* handler_entry::find(const instance_ref& ref) const {
    return find_if([&](const instance& life) { return life.ref() == ref; });
}

bool handler_entry::is_idle() const noexcept {
    return retired_.empty() &&
           std::all_of(slots_.begin(), slots_.end(), [](const auto& each) { return !each->serving && !each->coming; });
}

}  // namespace bester::handlers
