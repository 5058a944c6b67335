#include "handlers/handler_status.hpp"

#include "handlers/handler_entry.hpp"

#include <algorithm>

namespace bester::handlers {

namespace {

instance_state state_of(instance::phase phase) {
    switch (phase) {
        case instance::phase::starting: return instance_state::starting;
        case instance::phase::ready: return instance_state::ready;
        case instance::phase::draining: return instance_state::draining;
        case instance::phase::stopping:
        case instance::phase::gone: break;
    }
    return instance_state::stopping;
}

instance_status life_status(const instance& which) {
    instance_status status;
    status.number = which.ref().number;
    status.epoch = which.ref().epoch;
    status.pid = which.pid();
    status.state = state_of(which.current_phase());
    status.started = which.started();
    status.last_output = which.last_output();
    return status;
}

}  // namespace

std::string_view to_string(instance_state state) noexcept {
    switch (state) {
        case instance_state::waiting: return "waiting";
        case instance_state::starting: return "starting";
        case instance_state::ready: return "ready";
        case instance_state::draining: return "draining";
        case instance_state::stopping: return "stopping";
        case instance_state::backing_off: return "backing_off";
        case instance_state::stopped: return "stopped";
    }
    return "unknown";
}

instance_status handler_entry::status_of(const slot& in, const instance& which) const {
    instance_status status = life_status(which);
    status.is_degraded = in.policy.is_degraded(clock::now());
    status.restarts = in.restarts;
    status.last_exit = in.last_exit;
    if (status.last_output.empty()) status.last_output = in.last_output;
    return status;
}

handler_status handler_entry::status() const {
    handler_status entry;
    entry.name = settings_.name;
    entry.start = settings_.start;
    for (const auto& each : slots_) {
        entry.is_degraded |= each->policy.is_degraded(clock::now());
        for (const auto& life : {each->serving, each->coming})
            if (life) entry.instances.push_back(status_of(*each, *life));
        // A slot that is only being vacated shows the instance that leaves it.
        const bool is_left_empty = !wanted_ || settings_.replace == replace_mode::after;
        if (each->serving || each->coming || (is_left_empty && is_being_left(*each))) continue;
        instance_status empty;
        empty.number = each->number;
        empty.is_degraded = each->policy.is_degraded(clock::now());
        empty.restarts = each->restarts;
        empty.last_exit = each->last_exit;
        empty.last_output = each->last_output;
        if (each->backing_off) empty.state = instance_state::backing_off;
        else if (wanted_ && settings_.start == start_mode::manual) empty.state = instance_state::waiting;
        entry.instances.push_back(std::move(empty));
    }
    for (const auto& life : retired_) entry.instances.push_back(life_status(*life));
    return entry;
}

}  // namespace bester::handlers
