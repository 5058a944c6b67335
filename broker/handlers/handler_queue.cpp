#include "handlers/handler_queue.hpp"

#include <algorithm>
#include <functional>
#include <limits>

#include "exchange/peer_port.hpp"
#include "exchange/undo.hpp"
#include "handlers/rendezvous.hpp"
#include "wire/handler_codec.hpp"

namespace bester::handlers {

using exchange::counter;
using exchange::submit_result;
using wire::error_code;
using outcome = submit_result::outcome;

namespace {

constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();

std::uint64_t hash_of(std::string_view text) noexcept { return std::hash<std::string_view>{}(text); }

/// Messages that are handed over in the order of their serials.
std::uint64_t order_of(const exchange::envelope_view& message) noexcept {
    if (message.key_hash != 0) return message.key_hash;
    if (message.origin) return message.origin.value();
    if (message.remote.empty()) return hash_of(message.user);
    const auto from = exchange::remote_origin::unpack(message.remote);
    return hash_of(from.server) * 3 + hash_of(from.session.empty() ? message.user : from.session);
}

}  // namespace

std::uint64_t origin_of(const exchange::envelope_view& message) noexcept {
    if (message.share != 0) return message.share;
    if (message.origin) return message.origin.value();
    return hash_of(message.remote.empty() ? message.user : exchange::remote_origin::unpack(message.remote).server);
}

waiting_room::bounds room_bounds(const handler_settings& settings, std::size_t shards) noexcept {
    return {(settings.waiting + shards - 1) / shards, (settings.waiting_bytes + shards - 1) / shards};
}

handler_queue::handler_queue(exchange::shard& on, std::shared_ptr<const handler_settings> settings,
                             std::chrono::milliseconds busy_timeout)
    : shard_{on},
      settings_{std::move(settings)},
      busy_timeout_{busy_timeout},
      is_limited_{!settings_->may.is_everything()} {
    shard_.add_swept(*this);
}

handler_queue::~handler_queue() { shard_.remove_swept(*this); }

void handler_queue::apply(std::shared_ptr<const handler_settings> settings, std::chrono::milliseconds busy_timeout) {
    settings_ = std::move(settings);
    busy_timeout_ = busy_timeout;
    is_limited_ = !settings_->may.is_everything();
}

std::uint64_t handler_queue::deadline_of(std::string_view type) const {
    auto span = settings_->deadline;
    if (!settings_->deadlines.empty()) {
        const auto found = settings_->deadlines.find(std::string{type});
        if (found != settings_->deadlines.end()) span = found->second;
    }
    return shard_.now_ms() + static_cast<std::uint64_t>(span.count());
}

handler_queue::gate* handler_queue::gate_for(std::uint64_t order) const noexcept {
    if (ready_.empty()) return nullptr;
    gate* best = ready_.front().get();
    if (ready_.size() == 1) return best;
    std::uint64_t highest = 0;
    for (const auto& each : ready_) {
        const std::uint64_t score = rendezvous_score(order, each->number);
        if (score < highest) continue;
        highest = score;
        best = each.get();
    }
    return best;
}

submit_result handler_queue::submit(const exchange::envelope_view& message, std::string_view type,
                                    std::string_view data) {
    if (data.size() + message.about.size() + message.key_token.size() + wire::max_handler_overhead >
        settings_->message_size)
        return {outcome::refused, error_code::too_large};
    const queue_place place{deadline_of(type), ++last_serial_, order_of(message)};
    gate* const at = gate_for(place.order);
    if (at && at->line.empty() && at->instance->has_room() && (pins_.empty() || !pins_.contains(place.order))) {
        at->instance->send(message, data, place);
        return {};
    }
    waiting_message waiting;
    waiting.origin = origin_of(message);
    const bool has_room =
        room_.make_room(waiting.origin, data.size(), room_bounds(*settings_, shard_.settings().shards), evicted_);
    if (!evicted_.empty()) shard_.work_later(eviction_teller_);
    if (!has_room) {
        shard_.count(counter::busy);
        return {outcome::refused, error_code::busy};
    }
    waiting.message.assign(message);
    waiting.data = data;
    waiting.deadline_ms = place.deadline_ms;
    waiting.give_up_ms = never;
    waiting.serial = place.serial;
    waiting.order = place.order;
    enqueue(std::move(waiting));
    return {};
}

/// Puts a message that is the newest of its order into the line in which it has to wait.
void handler_queue::enqueue(waiting_message&& waiting) {
    shard_.wake_sweep();
    gate* const at = gate_for(waiting.order);
    if (!at) return room_.add(unassigned_, std::move(waiting));
    if (const auto pinned = pins_.find(waiting.order); pinned != pins_.end())
        return room_.add(pinned->second.line, std::move(waiting));
    // A message waits for an instance to start until its deadline, for room in a window a shorter time.
    waiting.give_up_ms = shard_.now_ms() + static_cast<std::uint64_t>(busy_timeout_.count());
    room_.add(at->line, std::move(waiting));
}

void handler_queue::add_ready(outlet& instance) {
    leaving_.reserve(leaving_.size() + ready_.size() + 1);  // leaving must not take memory
    ready_.push_back(std::make_unique<gate>(instance));
    std::sort(ready_.begin(), ready_.end(), [](const auto& a, const auto& b) { return a->number < b->number; });
    settle();
}

void handler_queue::remove_ready(outlet& instance) {
    withdraw(instance);
    settle();
}

void handler_queue::withdraw(outlet& instance) {
    const auto found =
        std::find_if(ready_.begin(), ready_.end(), [&](const auto& each) { return each->instance == &instance; });
    if (found == ready_.end()) return;
    leaving_.push_back(&instance);
    room_.move_all((*found)->line, unassigned_);
    ready_.erase(found);
}

void handler_queue::give_back(exchange::envelope&& message, std::string&& data, const queue_place& place) {
    shard_.count(counter::handler_retries);
    waiting_message waiting;
    waiting.origin = origin_of(exchange::view_of(message));
    waiting.message = std::move(message);
    waiting.data = std::move(data);
    waiting.deadline_ms = place.deadline_ms;
    waiting.give_up_ms = never;
    waiting.serial = place.serial;
    waiting.order = place.order;
    exchange::undo hand_back{[&] {
        message = std::move(waiting.message);
        data = std::move(waiting.data);
    }};
    room_.add(unassigned_, std::move(waiting));
    hand_back.done();
}

void handler_queue::forget(outlet& instance) {
    withdraw(instance);
    std::erase(leaving_, &instance);
    settle();
}

/// Decides again where each message waits, after the instances have changed or have given messages back.
void handler_queue::settle() {
    // What may fail comes first.
    decltype(pins_) pins;
    std::vector<std::uint64_t> held;
    const auto pin_held = [&](const outlet& holder) {
        held.clear();
        holder.list_held(held);
        for (const std::uint64_t order : held) {
            const gate* const at = gate_for(order);
            if (at && at->instance != &holder) ++pins[order].held;
        }
    };
    for (const auto& each : ready_) pin_held(*each->instance);
    for (const outlet* each : leaving_) pin_held(*each);
    waiting_room::message_list all;
    room_.gather(unassigned_, all);
    for (const auto& each : ready_) room_.gather(each->line, all);
    for (auto& [order, each] : pins_) room_.gather(each.line, all);
    waiting_room::sort_by_serial(all);
    pins_.swap(pins);
    was_unpinned_ = false;
    if (!all.empty()) shard_.wake_sweep();
    while (!all.empty()) {
        waiting_message& first = all.front();
        gate* const at = gate_for(first.order);
        const auto pinned = pins_.find(first.order);
        if (!at || pinned != pins_.end()) {
            first.give_up_ms = never;
            waiting_room::put_first(all, at ? pinned->second.line : unassigned_);
            continue;
        }
        if (first.give_up_ms == never)
            first.give_up_ms = shard_.now_ms() + static_cast<std::uint64_t>(busy_timeout_.count());
        waiting_room::put_first(all, at->line);
    }
    for (const auto& each : ready_) hand_over(*each);
    // What the last instance of a handler that was removed gives back has nowhere to go.
    if (is_retired_ && ready_.empty()) retire();
}

void handler_queue::ended(std::uint64_t order) {
    if (pins_.empty()) return;
    const auto found = pins_.find(order);
    if (found == pins_.end() || --found->second.held > 0) return;
    gate* const at = gate_for(order);
    found->second.line.for_each([&](waiting_message& each) {
        each.give_up_ms = shard_.now_ms() + static_cast<std::uint64_t>(busy_timeout_.count());
    });
    room_.move_all(found->second.line, at ? at->line : unassigned_);
    pins_.erase(found);
    was_unpinned_ = true;
}

void handler_queue::room_at(outlet& instance) {
    if (room_.messages() == 0) return;
    const bool is_for_all = std::exchange(was_unpinned_, false);
    for (const auto& each : ready_)
        if (is_for_all || each->instance == &instance) hand_over(*each);
}

void handler_queue::hand_over(gate& at) {
    while (!at.line.empty() && at.instance->has_room()) {
        // It stays in its place until it is handed over.
        const waiting_message& next = room_.first(at.line);
        at.instance->send(exchange::view_of(next.message), next.data, {next.deadline_ms, next.serial, next.order});
        room_.take_first(at.line);
    }
}

// ---- the end of what waits -----------------------------------------------------------------------

/// A message that has waited too long for room ends with `busy` before its deadline, with `late` after it.
void handler_queue::fail(waiting_room::message_list& failed, error_code late) noexcept {
    waiting_room::message_list ending;
    ending.splice(ending.end(), failed);
    for (const waiting_message& each : ending) {
        const bool is_busy = shard_.now_ms() < each.deadline_ms;
        if (is_busy) shard_.count(counter::busy);
        const auto error = wire::as_status_error(is_busy ? error_code::busy : late);
        shard_.commands().finish(exchange::view_of(each.message), &error);
    }
}

void handler_queue::retire() noexcept {
    is_retired_ = true;
    waiting_room::message_list all;
    room_.expel(unassigned_, all);
    for (const auto& each : ready_) room_.expel(each->line, all);
    for (auto& [order, each] : pins_) room_.expel(each.line, all);
    const auto error = wire::as_status_error(error_code::handler_unavailable, "the handler was removed");
    for (const waiting_message& each : all) shard_.commands().finish(exchange::view_of(each.message), &error);
}

bool handler_queue::sweep(std::uint64_t now_ms) {
    if (room_.messages() == 0) return false;
    waiting_room::message_list unavailable;
    waiting_room::message_list late;
    room_.expire(unassigned_, now_ms, unavailable);
    for (const auto& each : ready_) room_.expire(each->line, now_ms, late);
    for (auto& [order, each] : pins_) room_.expire(each.line, now_ms, late);
    fail(unavailable, error_code::handler_unavailable);
    fail(late, error_code::handler_timeout);
    // As a rule they have gone when there was room; but for what an exception has kept from going.
    for (const auto& each : ready_) hand_over(*each);
    return room_.messages() > 0;
}

}  // namespace bester::handlers
