#include "handlers/waiting_room.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "exchange/undo.hpp"

namespace bester::handlers {

bool waiting_room::make_room(std::uint64_t origin, std::size_t bytes, const bounds& most, message_list& evicted) {
    // First it is found out who would give way, since nobody does unless that makes room enough.
    std::size_t messages_left = messages_;
    std::size_t bytes_left = bytes_;
    const auto fits = [&](measure by) {
        if (by == by_messages) return messages_left < most.messages;
        return messages_left == 0 || bytes_left + bytes <= most.bytes;
    };
    const auto own = shares_.find(origin);
    ++plans_;
    giving_.clear();
    for (const measure by : {by_messages, by_bytes}) {
        if (fits(by)) continue;
        richest_.clear();
        consider(by, 0);
        const std::size_t wanted = (own == shares_.end() ? 0 : own->second.held[by]) + (by == by_messages ? 1 : bytes);
        while (!fits(by)) {
            if (richest_.empty() || richest_.front()->planned.left[by] <= wanted) return false;
            giving_.push_back(richest_.front());
            messages_left -= 1;
            bytes_left -= plan_to_take(by);
        }
    }
    for (share* const each : giving_) {
        move_out(each->newest->place, evicted);
        evicted.back().data = {};
    }
    return true;
}

namespace {

/// Orders shares, for a heap with the richest first, by what the plan leaves them.
constexpr auto by_what_is_left(std::size_t measure) {
    return [measure](const auto* a, const auto* b) { return a->planned.left[measure] < b->planned.left[measure]; };
}

}  // namespace

/// Adds the share at this place of the heap to those that may be the richest. The ones below it hold no more than it
/// does, so they are added when it has been taken from.
void waiting_room::consider(measure by, std::size_t place) {
    const heap& in = heaps_[by];
    if (place >= in.size()) return;
    share& added = *in[place];
    if (added.planned.number != plans_) added.planned = {plans_, added.held, added.newest};
    if (added.planned.next) {
        richest_.push_back(&added);
        std::push_heap(richest_.begin(), richest_.end(), by_what_is_left(by));
    }
    if (added.planned.left[by] == added.held[by]) return;
    for (const std::size_t child : {2 * place + 1, 2 * place + 2}) consider(by, child);
}

/// Plans that the newest message of the richest share, which the plan leaves there, gives way; returns its size.
std::size_t waiting_room::plan_to_take(measure by) {
    std::pop_heap(richest_.begin(), richest_.end(), by_what_is_left(by));
    share& rich = *richest_.back();
    plan& its = rich.planned;
    const bool is_first = its.left[by] == rich.held[by];
    const std::size_t size = its.next->data.size();
    its.left[by_messages] -= 1;
    its.left[by_bytes] -= size;
    its.next = its.next->older;
    if (its.next) std::push_heap(richest_.begin(), richest_.end(), by_what_is_left(by));
    else richest_.pop_back();
    if (is_first && its.left[by] != rich.held[by])
        for (const std::size_t child : {2 * rich.place[by] + 1, 2 * rich.place[by] + 2}) consider(by, child);
    return size;
}

void waiting_room::add(line& to, waiting_message&& message) {
    // All that may fail comes first: a message is in a line and counted, or neither.
    message_list place;
    place.emplace_back();
    for (heap& each : heaps_)
        if (each.size() == each.capacity()) each.reserve(2 * each.size() + 1);
    const auto of_order = orders_.try_emplace(message.order).first;
    exchange::undo forget_order{[&] {
        if (of_order->second.messages == 0) orders_.erase(of_order);
    }};
    const auto [found, is_new] = shares_.try_emplace(message.origin);
    forget_order.done();
    order_state& order = of_order->second;
    const bool is_first = order.messages == 0 && is_new;
    message_list& lane = to.lane(is_first);
    lane.splice(lane.end(), place);
    waiting_message& added = lane.back();
    added = std::move(message);
    added.line = &to;
    added.place = std::prev(lane.end());
    added.is_first = is_first;
    ++order.messages;
    order.has_first = order.has_first || is_first;
    ++messages_;
    bytes_ += added.data.size();
    share& mine = found->second;
    if (is_new) {
        mine.origin = added.origin;
        for (const measure by : {by_messages, by_bytes}) {
            mine.place[by] = heaps_[by].size();
            heaps_[by].push_back(&mine);
        }
    }
    // By serial, since messages that are given again are older than those that wait already.
    waiting_message* before = mine.newest;
    waiting_message* after = nullptr;
    while (before && before->serial > added.serial) after = std::exchange(before, before->older);
    added.older = before;
    added.newer = after;
    if (before) before->newer = &added;
    if (after) after->older = &added;
    else mine.newest = &added;
    mine.held[by_messages] += 1;
    mine.held[by_bytes] += added.data.size();
    for (const measure by : {by_messages, by_bytes}) sift_up(by, mine.place[by]);
}

/// Takes a message out of the accounts before it is moved.
void waiting_room::leave(waiting_message& message) noexcept {
    --messages_;
    bytes_ -= message.data.size();
    const auto order = orders_.find(message.order);
    if (message.is_first) order->second.has_first = false;
    if (--order->second.messages == 0) orders_.erase(order);
    const auto found = shares_.find(message.origin);
    share& mine = found->second;
    if (message.older) message.older->newer = message.newer;
    if (message.newer) message.newer->older = message.older;
    else mine.newest = message.older;
    message.older = message.newer = nullptr;
    message.line = nullptr;
    mine.held[by_messages] -= 1;
    mine.held[by_bytes] -= message.data.size();
    for (const measure by : {by_messages, by_bytes}) {
        if (mine.newest) sift_down(by, mine.place[by]);
        else remove(mine, by);
    }
    if (!mine.newest) shares_.erase(found);
}

void waiting_room::move_out(message_list::iterator which, message_list& to) noexcept {
    message_list& from = which->line->lane(which->is_first);
    leave(*which);
    to.splice(to.end(), from, which);
}

waiting_room::message_list& waiting_room::next_lane(line& from) const noexcept {
    const bool is_rest_next =
        from.is_rest_next_ && !from.rest_.empty() && !orders_.find(from.rest_.front().order)->second.has_first;
    return from.lane(!is_rest_next && !from.first_.empty());
}

waiting_message waiting_room::take_first(line& from) {
    message_list& lane = next_lane(from);
    from.is_rest_next_ = !from.is_rest_next_;
    leave(lane.front());
    waiting_message first = std::move(lane.front());
    lane.pop_front();
    return first;
}

void waiting_room::gather(line& from, message_list& into) noexcept {
    for (waiting_message& each : from.first_) {
        each.is_first = false;
        orders_.find(each.order)->second.has_first = false;
    }
    from.for_each([](waiting_message& each) { each.line = nullptr; });
    into.splice(into.end(), from.first_);
    into.splice(into.end(), from.rest_);
}

void waiting_room::put_first(message_list& gathered, line& to) noexcept {
    gathered.front().line = &to;
    to.rest_.splice(to.rest_.end(), gathered, gathered.begin());
}

void waiting_room::move_all(line& from, line& to) noexcept {
    message_list all;
    gather(from, all);
    while (!all.empty()) put_first(all, to);
}

void waiting_room::sort_by_serial(message_list& which) {
    which.sort([](const waiting_message& a, const waiting_message& b) { return a.serial < b.serial; });
}

void waiting_room::expire(line& from, std::uint64_t now_ms, message_list& expired) {
    for (message_list* const lane : {&from.first_, &from.rest_})
        for (auto it = lane->begin(); it != lane->end();) {
            const auto each = it++;
            if (now_ms >= each->give_up_ms || now_ms >= each->deadline_ms) move_out(each, expired);
        }
}

void waiting_room::expel(line& from, message_list& out) noexcept {
    for (message_list* const lane : {&from.first_, &from.rest_})
        while (!lane->empty()) move_out(lane->begin(), out);
}

// ---- the heaps ---------------------------------------------------------------------------------

void waiting_room::remove(share& gone, measure by) noexcept {
    heap& in = heaps_[by];
    const std::size_t place = gone.place[by];
    share* const last = in.back();
    in.pop_back();
    if (last == &gone) return;
    put(by, place, last);
    sift_up(by, place);
    sift_down(by, last->place[by]);
}

void waiting_room::put(measure by, std::size_t place, share* which) noexcept {
    heaps_[by][place] = which;
    which->place[by] = place;
}

void waiting_room::sift_up(measure by, std::size_t place) noexcept {
    const heap& in = heaps_[by];
    share* const rising = in[place];
    while (place > 0 && in[(place - 1) / 2]->held[by] < rising->held[by]) {
        put(by, place, in[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    put(by, place, rising);
}

void waiting_room::sift_down(measure by, std::size_t place) noexcept {
    const heap& in = heaps_[by];
    share* const sinking = in[place];
    for (;;) {
        std::size_t child = 2 * place + 1;
        if (child >= in.size()) break;
        if (child + 1 < in.size() && in[child + 1]->held[by] > in[child]->held[by]) ++child;
        if (in[child]->held[by] <= sinking->held[by]) break;
        put(by, place, in[child]);
        place = child;
    }
    put(by, place, sinking);
}

}  // namespace bester::handlers
