#include "access/login_throttle.hpp"

#include <sodium.h>
#include <algorithm>
#include <bit>
#include <cstring>

namespace bester::access {

namespace {

constexpr std::size_t row_size = 8;

/// The bytes to hash: the kind of key, the address, the user.
class hashed {
public:
    explicit hashed(unsigned char kind) { add(&kind, 1); }
    hashed& add(const address_key& address) {
        add(&address.kind, sizeof(address.kind));
        add(&address.bits, sizeof(address.bits));
        return *this;
    }
    hashed& add(std::string_view user) {
        add(user.data(), user.size());
        return *this;
    }
    std::uint64_t id(const login_throttle::secret& key) const {
        static_assert(crypto_shorthash_BYTES == sizeof(std::uint64_t) && crypto_shorthash_KEYBYTES == sizeof(key));
        std::uint64_t id = 0;
        crypto_shorthash(reinterpret_cast<unsigned char*>(&id), bytes_.data(), size_, key.data());
        return id == 0 ? 1 : id;
    }

private:
    void add(const void* bytes, std::size_t size) {
        size = std::min(size, bytes_.size() - size_);  // user names are shorter
        std::memcpy(bytes_.data() + size_, bytes, size);
        size_ += size;
    }
    std::array<unsigned char, 128> bytes_{};
    std::size_t size_ = 0;
};

}  // namespace

login_throttle::login_throttle(const secret& key, const throttle_settings& settings) : key_(key), settings_(settings) {}

login_throttle::keys login_throttle::keys_of(const address_key& address, std::string_view user) const noexcept {
    keys who{0, 0, 0};
    if (!address.is_none()) who.address = hashed{'a'}.add(address).id(key_);
    if (!user.empty()) {
        who.user = hashed{'u'}.add(user).id(key_);
        who.pair = hashed{'p'}.add(address).add(user).id(key_);
    }
    return who;
}

std::size_t login_throttle::table::row_of(std::uint64_t id) const noexcept {
    return (id & (entries.size() / row_size - 1)) * row_size;
}

const login_throttle::entry* login_throttle::table::find(std::uint64_t id) const noexcept {
    if (entries.empty() || id == 0) return nullptr;
    const entry* const row = entries.data() + row_of(id);
    const entry* const found = std::find_if(row, row + row_size, [&](const entry& e) { return e.id == id; });
    return found == row + row_size ? nullptr : found;
}

/// Returns the failures that are not forgotten yet, in parts of `whole`.
std::uint64_t login_throttle::left_of(const entry& of, std::uint64_t now_ms) const noexcept {
    const std::uint64_t changed = of.changed_ms, failures = of.failures;
    if (now_ms <= changed) return failures;
    const auto every = static_cast<std::uint64_t>(std::max<std::int64_t>(settings_.forget_after.count(), 1));
    const std::uint64_t forgotten = (now_ms - changed) * whole / every;
    return forgotten >= failures ? 0 : failures - forgotten;
}

std::uint64_t login_throttle::wait_of(const entry* of, std::uint32_t free, std::uint64_t now_ms) const noexcept {
    if (!of || of->failures == 0) return 0;
    // Not less for what a moment between two failures has let be forgotten.
    const std::uint64_t failures = (of->failures + whole - 1) / whole;
    if (failures < free) return 0;
    const auto longest = static_cast<std::uint64_t>(settings_.longest_wait.count());
    auto wait = static_cast<std::uint64_t>(settings_.first_wait.count());
    for (std::uint64_t i = free; i < failures && wait < longest; ++i) wait *= 2;
    const std::uint64_t until = of->changed_ms + std::min(wait, longest);
    return until > now_ms ? until - now_ms : 0;
}

/// Returns the pair if it had a success that is not too old.
const login_throttle::entry* login_throttle::known(const keys& who, std::uint64_t now_ms) const noexcept {
    const entry* const found = pairs_.find(who.pair);
    if (!found || found->changed_ms + static_cast<std::uint64_t>(settings_.known_for.count()) < now_ms) return nullptr;
    return found;
}

std::uint64_t login_throttle::wait_of(const keys& who, std::uint64_t now_ms) const noexcept {
    if (const entry* pair = known(who, now_ms)) return wait_of(pair, settings_.free_of_user, now_ms);
    return std::max(wait_of(addresses_.find(who.address), settings_.free_of_address, now_ms),
                    wait_of(users_.find(who.user), settings_.free_of_user, now_ms));
}

login_throttle::entry& login_throttle::place_for(table& in, std::uint64_t id, std::uint64_t now_ms) {
    if (in.entries.empty()) in.entries.resize(std::bit_floor(std::max(settings_.entries, row_size)));
    const auto row = in.entries.begin() + static_cast<std::ptrdiff_t>(in.row_of(id));
    const auto found = std::find_if(row, row + row_size, [&](const entry& e) { return e.id == id; });
    if (found != row + row_size) return *found;
    const auto loss = [&](const entry& e) {
        return std::pair{e.id == 0 ? 0 : 1 + left_of(e, now_ms), std::uint64_t{e.changed_ms}};
    };
    entry& given_up =
        *std::min_element(row, row + row_size, [&](const auto& a, const auto& b) { return loss(a) < loss(b); });
    given_up = {};
    given_up.id = id;
    return given_up;
}

void login_throttle::count_failure(table& in, std::uint64_t id, std::uint32_t free, std::uint64_t now_ms) {
    if (id == 0) return;
    entry& counted = place_for(in, id, now_ms);
    // A larger count would only make forgetting take longer.
    constexpr std::uint64_t most_doublings = 20, most = 1'000;
    const std::uint64_t limit = std::min(free + most_doublings, most) * whole;
    counted.failures = std::min(left_of(counted, now_ms) + whole, limit) & 0xf'ffff;
    counted.changed_ms = now_ms & 0xfff'ffff'ffff;
}

std::chrono::milliseconds login_throttle::wait_for(const address_key& address, std::string_view user,
                                                   std::uint64_t now_ms) const {
    const keys who = keys_of(address, user);
    const std::lock_guard lock{mutex_};
    return std::chrono::milliseconds{wait_of(who, now_ms)};
}

void login_throttle::failed(const address_key& address, std::string_view user, std::uint64_t now_ms) {
    const keys who = keys_of(address, user);
    const std::lock_guard lock{mutex_};
    count_failure(addresses_, who.address, settings_.free_of_address, now_ms);
    if (known(who, now_ms)) count_failure(pairs_, who.pair, settings_.free_of_user, now_ms);
    else count_failure(users_, who.user, settings_.free_of_user, now_ms);
}

std::chrono::milliseconds login_throttle::succeeded(const address_key& address, std::string_view user,
                                                    std::uint64_t now_ms) {
    const keys who = keys_of(address, user);
    const std::lock_guard lock{mutex_};
    if (const std::uint64_t wait = wait_of(who, now_ms)) return std::chrono::milliseconds{wait};
    if (who.pair != 0) {
        entry& pair = place_for(pairs_, who.pair, now_ms);
        pair.failures = 0;
        pair.changed_ms = now_ms & 0xfff'ffff'ffff;
    }
    return std::chrono::milliseconds{0};
}

void login_throttle::reconfigure(const throttle_settings& settings) {
    const std::lock_guard lock{mutex_};
    if (settings.entries != settings_.entries) addresses_ = users_ = pairs_ = {};
    settings_ = settings;
}

std::size_t login_throttle::size() const {
    const std::lock_guard lock{mutex_};
    std::size_t count = 0;
    for (const table* each : {&addresses_, &users_, &pairs_})
        count += static_cast<std::size_t>(
            std::count_if(each->entries.begin(), each->entries.end(), [](const entry& e) { return e.id != 0; }));
    return count;
}

}  // namespace bester::access
