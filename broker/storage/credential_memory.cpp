#include "storage/credential_memory.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <unordered_map>

namespace bester::storage {

namespace {

struct entry {
    credential_digest digest;
    std::uint64_t mark;  // of the stored hash
    credential_memory::time_point expiry;
};

// A tag is a keyed hash already, so clients cannot choose names that share a bucket.
struct tag_hash {
    std::size_t operator()(std::uint64_t tag) const noexcept { return tag; }
};

}  // namespace

// On cache lines of its own, so that shards asking for different users do not disturb each other.
struct alignas(64) credential_memory::stripe {
    mutable std::mutex mutex;
    std::unordered_map<std::uint64_t, entry, tag_hash> entries;
    std::uint64_t generation = 0;

    void sweep(time_point now) {
        std::erase_if(entries, [now](const auto& item) { return item.second.expiry <= now; });
    }

    void make_room(std::uint64_t tag, std::size_t most, time_point now) {
        if (entries.size() < most || entries.contains(tag)) return;
        // All entries live equally long, so the entries that the last sweep kept determine when the next one is due.
        if (now >= next_sweep) {
            sweep(now);
            next_sweep = time_point::max();
            for (const auto& [unused, held] : entries) next_sweep = std::min(next_sweep, held.expiry);
        }
        if (entries.size() < most) return;
        auto bucket = tag % entries.bucket_count();
        while (entries.begin(bucket) == entries.end(bucket)) bucket = (bucket + 1) % entries.bucket_count();
        entries.erase(entries.begin(bucket)->first);
    }

    time_point next_sweep = time_point::min();
};

struct credential_memory::state {
    std::array<stripe, stripe_count> stripes;
    std::size_t entries_per_stripe = 1;
    std::atomic<std::chrono::steady_clock::duration> remember_for;
    std::atomic<std::size_t> next_sweep{0};
    std::atomic<std::uint64_t> changes{0};
};

credential_memory::credential_memory(const credential_hasher& hasher, credential_memory_settings settings)
    : hasher_(hasher), state_(std::make_unique<state>()) {
    state_->entries_per_stripe = std::max<std::size_t>(1, settings.entries / stripe_count);
    state_->remember_for = settings.remember_for;
}

credential_memory::~credential_memory() = default;

// The map's buckets use the low bits of the tag, the stripes the high ones.
credential_memory::stripe& credential_memory::stripe_of(std::uint64_t tag) const noexcept {
    static_assert(stripe_count == 64);
    return state_->stripes[tag >> 58];
}

bool credential_memory::remembers(std::string_view user, std::string_view password, time_point now) const {
    const auto tag = hasher_.user_tag(user);
    const auto& home = stripe_of(tag);
    credential_digest known;
    {
        const std::lock_guard lock(home.mutex);
        const auto found = home.entries.find(tag);
        if (found == home.entries.end() || found->second.expiry <= now) return false;
        known = found->second.digest;
    }
    // The costly part is outside the lock.
    return credential_hasher::same(known, hasher_.digest(user, password));
}

credential_memory::ticket credential_memory::begin(std::string_view user) const {
    const auto& home = stripe_of(hasher_.user_tag(user));
    const std::lock_guard lock(home.mutex);
    ticket result;
    result.generation_ = home.generation;
    return result;
}

bool credential_memory::remember(ticket begun, std::string_view user, std::string_view password,
                                 std::string_view stored_hash, time_point now) {
    const auto remember_for = state_->remember_for.load();
    const auto tag = hasher_.user_tag(user);
    const auto digest = hasher_.digest(user, password);
    auto& home = stripe_of(tag);
    const std::lock_guard lock(home.mutex);
    if (begun.generation_ != home.generation) return false;
    if (remember_for <= std::chrono::steady_clock::duration::zero()) return true;
    home.make_room(tag, state_->entries_per_stripe, now);
    home.entries.insert_or_assign(tag, entry{digest, hasher_.mark(stored_hash), now + remember_for});
    ++state_->changes;
    return true;
}

std::vector<credential_memory::item> credential_memory::items(time_point now) const {
    std::vector<item> all;
    all.reserve(size() + size() / 8);  // so that hardly ever memory is taken under a stripe's mutex
    for (const auto& each : state_->stripes) {
        const std::lock_guard lock(each.mutex);
        for (const auto& [tag, held] : each.entries)
            if (held.expiry > now) all.push_back({tag, held.digest, held.mark, held.expiry});
    }
    return all;
}

void credential_memory::restore(const item& kept, time_point now) {
    const auto expiry = std::min(kept.expiry, now + state_->remember_for.load());
    if (expiry <= now) return;
    auto& home = stripe_of(kept.tag);
    const std::lock_guard lock(home.mutex);
    home.make_room(kept.tag, state_->entries_per_stripe, now);
    home.entries.insert_or_assign(kept.tag, entry{kept.digest, kept.mark, expiry});
}

std::uint64_t credential_memory::changes() const noexcept { return state_->changes.load(); }

void credential_memory::forget(std::string_view user) {
    const auto tag = hasher_.user_tag(user);
    auto& home = stripe_of(tag);
    const std::lock_guard lock(home.mutex);
    ++home.generation;
    home.entries.erase(tag);
    ++state_->changes;
}

void credential_memory::forget_all() {
    for (auto& each : state_->stripes) {
        const std::lock_guard lock(each.mutex);
        ++each.generation;
        each.entries.clear();
    }
    ++state_->changes;
}

void credential_memory::sweep(time_point now) {
    auto& home = state_->stripes[state_->next_sweep++ % stripe_count];
    const std::lock_guard lock(home.mutex);
    const auto before = home.entries.size();
    home.sweep(now);
    if (home.entries.size() != before) ++state_->changes;
}

void credential_memory::remember_for(std::chrono::steady_clock::duration duration, time_point now) {
    if (state_->remember_for.exchange(duration) <= duration) return;
    for (auto& each : state_->stripes) {
        const std::lock_guard lock(each.mutex);
        for (auto& [tag, held] : each.entries) held.expiry = std::min(held.expiry, now + duration);
        each.next_sweep = time_point::min();
        each.sweep(now);
    }
    ++state_->changes;
}

std::size_t credential_memory::size() const {
    std::size_t sum = 0;
    for (const auto& each : state_->stripes) {
        const std::lock_guard lock(each.mutex);
        sum += each.entries.size();
    }
    return sum;
}

}  // namespace bester::storage
