#include "handlers/handler_queue.hpp"

#include <algorithm>
#include <limits>

#include "handlers/channel.hpp"
#include "wire/handler_codec.hpp"

namespace bester::handlers {

using exchange::counter;
using exchange::submit_result;
using wire::error_code;
using outcome = submit_result::outcome;

handler_queue::handler_queue(exchange::shard& on, std::shared_ptr<const handler_settings> settings,
                             std::chrono::milliseconds busy_timeout)
    : shard_{on},
      settings_{std::move(settings)},
      busy_timeout_{busy_timeout},
      is_limited_{!settings_->may.is_everything()},
      unassigned_{on} {
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

/// The entry's limit is for all shards together.
std::size_t handler_queue::most_waiting() const noexcept {
    const std::size_t shards = shard_.settings().shards;
    return (settings_->waiting + shards - 1) / shards;
}

std::size_t handler_queue::waiting() const noexcept {
    std::size_t sum = unassigned_.size();
    for (const channel* instance : ready_) sum += instance->waiting().size();
    return sum;
}

template <class Envelope>
channel* handler_queue::instance_for(const Envelope& message) const noexcept {
    if (ready_.empty()) return nullptr;
    if (ready_.size() == 1) return ready_.front();
    if (message.remote.empty())
        return ready_[(std::hash<exchange::session_id>{}(message.origin) >> 32) % ready_.size()];
    const auto from = exchange::remote_origin::unpack(message.remote);
    const auto hash = std::hash<std::string_view>{};
    return ready_[(hash(from.server) ^ hash(from.session)) % ready_.size()];
}

submit_result handler_queue::submit(const exchange::envelope_view& message, std::string_view type,
                                    std::string_view data) {
    if (data.size() + message.about.size() + wire::max_handler_overhead > settings_->message_size)
        return {outcome::refused, error_code::too_large};
    const std::uint64_t deadline_ms = deadline_of(type);
    channel* const instance = instance_for(message);
    if (instance && instance->has_room() && instance->waiting().empty()) {
        instance->send(message, data, deadline_ms);
        return {};
    }
    if (waiting() >= most_waiting()) {
        shard_.count(counter::busy);
        return {outcome::refused, error_code::busy};
    }
    waiting_message waiting;
    waiting.message.assign(message);
    waiting.data = data;
    waiting.deadline_ms = deadline_ms;
    waiting.holds_sender = message.hops == 0 && message.origin;
    waiting.serial = ++last_serial_;
    shard_.account_kept(static_cast<std::ptrdiff_t>(data.size()));
    enqueue(std::move(waiting));
    return {outcome::waiting, error_code::none};
}

void handler_queue::enqueue(waiting_message&& waiting) {
    channel* const instance = instance_for(waiting.message);
    // Who waits for an instance to start waits until the deadline; who waits for room, not so long.
    waiting.give_up_ms = instance ? shard_.now_ms() + static_cast<std::uint64_t>(busy_timeout_.count())
                                  : std::numeric_limits<std::uint64_t>::max();
    (instance ? instance->waiting() : unassigned_).push(std::move(waiting));
    shard_.wake_sweep();
}

void handler_queue::resubmit(exchange::envelope&& message, std::string&& data, std::uint64_t deadline_ms) {
    shard_.count(counter::handler_retries);
    channel* const instance = instance_for(message);
    if (instance && instance->has_room() && instance->waiting().empty()) {
        instance->send(exchange::view_of(message), data, deadline_ms);
        return;
    }
    waiting_message waiting;
    waiting.message = std::move(message);
    waiting.data = std::move(data);
    waiting.deadline_ms = deadline_ms;
    waiting.serial = ++last_serial_;
    shard_.account_kept(static_cast<std::ptrdiff_t>(waiting.data.size()));
    enqueue(std::move(waiting));
}

void handler_queue::add_ready(channel& instance) {
    ready_.push_back(&instance);
    std::sort(ready_.begin(), ready_.end(),
              [](const channel* a, const channel* b) { return a->instance() < b->instance(); });
    reassign();
}

void handler_queue::remove_ready(channel& instance) {
    if (std::erase(ready_, &instance) == 0) return;
    std::vector<waiting_message> moved;
    instance.waiting().move_all_to(moved);
    for (waiting_message& waiting : moved) unassigned_.push(std::move(waiting));
    reassign();
}

/// The instances are others than before: everything that waits is assigned anew, in its old order.
void handler_queue::reassign() {
    std::vector<waiting_message> all;
    unassigned_.move_all_to(all);
    for (channel* instance : ready_) instance->waiting().move_all_to(all);
    std::sort(all.begin(), all.end(),
              [](const waiting_message& a, const waiting_message& b) { return a.serial < b.serial; });
    for (waiting_message& waiting : all) enqueue(std::move(waiting));
    // A copy: what is sent may end here, and change who is ready.
    for (channel* instance : std::vector<channel*>{ready_}) room_at(*instance);
}

void handler_queue::room_at(channel& instance) {
    while (!instance.waiting().empty() && instance.has_room()) {
        const waiting_message next = instance.waiting().pop();
        instance.send(exchange::view_of(next.message), next.data, next.deadline_ms);
    }
}

void handler_queue::retire() {
    std::vector<waiting_message> all;
    for (channel* instance : ready_) instance->waiting().move_all_to(all);
    for (waiting_message& waiting : all) unassigned_.push(std::move(waiting));
    unassigned_.fail_all(wire::as_status_error(error_code::handler_unavailable, "the handler was removed"));
}

bool handler_queue::sweep(std::uint64_t now_ms) {
    unassigned_.expire(now_ms, error_code::handler_unavailable);
    if (waiting() == 0) return false;
    for (channel* instance : std::vector<channel*>{ready_})
        instance->waiting().expire(now_ms, error_code::handler_timeout);
    return waiting() > 0;
}

}  // namespace bester::handlers
