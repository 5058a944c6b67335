#include "clients/memory_bounds.hpp"

#include <algorithm>
#include <chrono>
#include <string>

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

/// Called while streams are read and written, so no connection is ended before the turn is over.
void memory_bounds::check(held_kind what) {
    bool& is_shedding = is_shedding_[static_cast<std::size_t>(what)];
    if (is_shedding || total(what) <= limit(what)) return;
    owner_.shard().at_turn_end([this, what] {
        is_shedding_[static_cast<std::size_t>(what)] = false;
        // The shard that holds the most.
        shard_clients* fullest = &owner_;
        owner_.for_each_shard([&](shard_clients& there) {
            if (there.memory().ledger(what).bytes() > fullest->memory().ledger(what).bytes()) fullest = &there;
        });
        if (fullest == &owner_) return shed(what);
        owner_.shard().post_to(fullest->shard().index(), [fullest, what](exchange::shard& there) {
            there.at_turn_end([fullest, what] { fullest->memory().shed(what); });
        });
    });
    is_shedding = true;
}

void memory_bounds::shed(held_kind what) {
    while (total(what) > limit(what)) {
        exchange::memory_holder* const who = ledger(what).heaviest(what, owner_.shard().now_ms());
        if (!who) return;
        const std::size_t before = ledger(what).bytes();
        who->give_way(what);
        if (ledger(what).bytes() >= before) return;
    }
}

bool memory_bounds::sweep(std::uint64_t now_ms) {
    if (account_.input.empty()) return false;
    if (now_ms < next_check_ms_) return true;
    const auto timeout = static_cast<std::uint64_t>(owner_.limits().frame_timeout.count());
    next_check_ms_ = now_ms + std::clamp<std::uint64_t>(timeout / 8, 50, 1'000);
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
