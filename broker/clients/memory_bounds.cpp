#include "clients/memory_bounds.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "clients/shard_clients.hpp"
#include "exchange/payload.hpp"
#include "log/log.hpp"

namespace bester::clients {

using exchange::held_kind;

memory_bounds::memory_bounds(shard_clients& owner) : owner_{owner} {
    account_.input.on_growth([this] { check(held_kind::input); });
    account_.output.on_growth([this] { check(held_kind::output); });
}

void memory_bounds::apply(const client_limits& limits) noexcept {
    account_.queue = {limits.queue_bytes, limits.queue_messages};
}

exchange::byte_ledger& memory_bounds::ledger(held_kind what) noexcept {
    return what == held_kind::input ? account_.input : account_.output;
}

/// Returns the bytes of all shards. A payload in the queues of several clients is in memory once.
std::size_t memory_bounds::total(held_kind what) const noexcept {
    std::size_t sum = 0;
    owner_.for_each_shard([&](shard_clients& there) { sum += there.memory().ledger(what).bytes(); });
    if (what == held_kind::output) sum -= std::min(sum, exchange::payload::shared_bytes());
    return sum;
}

std::size_t memory_bounds::limit(held_kind what) const noexcept {
    return what == held_kind::input ? owner_.limits().held_input : owner_.limits().queued_memory;
}

/// Called while streams are read and written, so no connection is ended before the turn is over; until then nothing is
/// added to what is held of input.
void memory_bounds::check(held_kind what) {
    if (total(what) <= limit(what)) return;
    if (what == held_kind::input) owner_.shard().stop_input();
    std::atomic<bool>& is_shedding = owner_.door().is_shedding[static_cast<std::size_t>(what)];
    if (is_shedding.exchange(true)) return;
    shedding token{&is_shedding, [](std::atomic<bool>* which) { which->store(false); }};
    owner_.shard().at_turn_end([this, what, token = std::move(token)] { shed(what, token); });
}

/// One shard at a time, down to its part of what there may be; then where the most is held. Thousands may hold little
/// each, so a turn has a certain time for it.
void memory_bounds::shed(held_kind what, const shedding& token) {
    constexpr std::chrono::milliseconds time_of_turn{2};
    const auto until = std::chrono::steady_clock::now() + time_of_turn;
    ledger(what).forget_ranks();
    const std::size_t part = limit(what) / owner_.shard().settings().shards;
    while (total(what) > limit(what) && ledger(what).bytes() > part) {
        exchange::memory_holder* const who = ledger(what).heaviest(what, owner_.shard().now_ms());
        if (!who) return;
        const std::size_t before = ledger(what).bytes();
        who->give_way(what);
        if (ledger(what).bytes() >= before) return;
        if (std::chrono::steady_clock::now() >= until)
            return owner_.shard().at_turn_end([this, what, token] { shed(what, token); });
    }
    if (total(what) <= limit(what)) return;
    shard_clients* fullest = &owner_;
    owner_.for_each_shard([&](shard_clients& there) {
        if (there.memory().ledger(what).bytes() > fullest->memory().ledger(what).bytes()) fullest = &there;
    });
    owner_.shard().post_to(fullest->shard().index(), [fullest, what, token](exchange::shard& there) {
        there.at_turn_end([fullest, what, token] { fullest->memory().shed(what, token); });
    });
}

bool memory_bounds::sweep(std::uint64_t now_ms) {
    if (account_.input.empty() && account_.output.empty()) return false;
    if (now_ms < next_check_ms_) return true;
    const auto timeout = static_cast<std::uint64_t>(owner_.limits().frame_timeout.count());
    next_check_ms_ = now_ms + std::clamp<std::uint64_t>(timeout / 8, 50, 1'000);
    for (const held_kind what : {held_kind::input, held_kind::output}) check(what);
    account_.input.for_each([now_ms](exchange::memory_holder& who) { who.check_frame_time(now_ms); });
    return true;
}

void memory_bounds::tell(held_kind what, std::string_view who) {
    if (what == held_kind::input)
        log::warning(
            "{} bytes of input that is not complete are held (limits.held_input): ended {}, which holds the "
            "most for the longest",
            total(what), who);
    else
        log::warning("{} bytes wait for clients (limits.queued_memory): ended {}, for which the most waits",
                     total(what), who);
}

}  // namespace bester::clients
