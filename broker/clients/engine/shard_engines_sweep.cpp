// shard_engines: deadlines.
#include <algorithm>
#include <chrono>
#include <utility>

#include "clients/engine/engine_session.hpp"
#include "clients/engine/namespace_session.hpp"
#include "clients/engine/shard_engines.hpp"
#include "clients/shard_clients.hpp"
#include "exchange/shard.hpp"

namespace bester::clients {

bool shard_engines::sweep(std::uint64_t now_ms) {
    const bool has_any = !engines_.empty() || !lost_.empty();
    if (!has_any || now_ms < next_check_ms_) return has_any;
    next_check_ms_ = now_ms + std::clamp<std::uint64_t>(std::min(ping_interval_ms(), ping_timeout_ms()) / 4, 20, 1'000);
    events_ = {};  // frees the payloads that they refer to
    const auto login_timeout = static_cast<std::uint64_t>(clients_.limits().authentication_timeout.count());
    const auto has_time = [until = std::chrono::steady_clock::now() + time_of_turn] {
        return std::chrono::steady_clock::now() < until;
    };
    const bool are_checked = check_due(now_ms, login_timeout, has_time);
    const bool are_buried = bury_lost(now_ms, has_time);
    if (!are_checked || !are_buried) next_check_ms_ = now_ms;  // the others in the next sweep
    return true;
}

/// Ends sessions that have been without a connection for too long; returns false if there was no time for all.
bool shard_engines::bury_lost(std::uint64_t now_ms, const time_left& has_time) {
    for (auto at = lost_.begin(); at != lost_.end();) {
        namespace_session& each = **at++;
        if (now_ms < each.lost_until_ms()) continue;
        // At least one, so that checks that take all the time do not keep the lost ones for ever.
        bury(take_lost(each));
        if (!has_time()) return false;
    }
    return true;
}

/// Of thousands of sessions only those are looked at for which it is time, or which have not answered a ping yet.
/// Returns false if there was no time for all of these.
bool shard_engines::check_due(std::uint64_t now_ms, std::uint64_t login_timeout_ms, const time_left& has_time) {
    while (!checks_.empty() && checks_.begin()->first <= now_ms) {
        if (!has_time()) return false;
        auto place = checks_.extract(checks_.begin());
        engine_session& who = *place.value().second;
        // First, so that it has its place whatever happens.
        who.check_due_ms = next_check_ms_;
        place.value().first = who.check_due_ms;
        checks_.insert(std::move(place));
        bool goes_on = false;
        const auto check = [&] {
            goes_on = who.check(now_ms, login_timeout_ms, ping_interval_ms(), ping_timeout_ms());
        };
        if (!clients_.shard().guarded("a check of a session", check)) who.fail();
        else if (!goes_on) who.close_later();
        else put_check(who, std::max(who.next_check_ms(login_timeout_ms), next_check_ms_));
    }
    return true;
}

void shard_engines::put_check(engine_session& who, std::uint64_t due_ms) noexcept {
    auto place = checks_.extract({who.check_due_ms, &who});
    if (!place) return;
    who.check_due_ms = place.value().first = due_ms;
    checks_.insert(std::move(place));
}

void shard_engines::apply_limits() noexcept {
    for (const auto& who : living_) put_check(*who, 0);
}

}  // namespace bester::clients
