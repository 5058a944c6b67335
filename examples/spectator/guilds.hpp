// The guilds that the feed has: made from a seed, and changed all the time. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace spectator {

/// Numbers that look random and are the same for the same seed.
class random_source {
public:
    explicit random_source(std::uint64_t seed) noexcept : state_{seed} {}
    std::uint64_t next() noexcept;
    /// From 0 to `bound` - 1.
    std::size_t below(std::size_t bound) noexcept { return static_cast<std::size_t>(next() % bound); }

private:
    std::uint64_t state_;
};

enum class category : std::uint8_t { members, channels, roles, emoji, bans };
inline constexpr std::size_t categories = 5;

/// The category of this name; false if there is none.
bool read_category(std::string_view name, category& into);

/// A member, a channel, a role, an emoji, or a ban. A plain value.
struct item {
    std::uint32_t number = 0;  ///< makes its id with the category's letter; ascending, never used again
    std::string name;
    std::string more;  ///< role, topic, colour, the symbol itself, or the reason
};

std::string id_of(category in, const item& which);
nlohmann::json described(category in, const item& which);

/// One guild. Its items are in the order of their numbers. A plain value.
struct guild {
    std::string id;
    std::string name;
    std::array<std::vector<item>, categories> items;
    std::array<std::uint32_t, categories> last_number{};
    std::uint64_t updates = 0;  ///< so many were made

    std::vector<item>& of(category in) { return items[static_cast<std::size_t>(in)]; }
    const std::vector<item>& of(category in) const { return items[static_cast<std::size_t>(in)]; }
};

/// How much there is of everything. A plain value.
struct guild_sizes {
    std::size_t guilds = 24;
    std::size_t members = 120;  ///< of one guild, as of the following
    std::size_t channels = 14;
    std::size_t roles = 7;
    std::size_t emoji = 16;
};

std::vector<guild> make_guilds(const guild_sizes& sizes, std::uint64_t seed);

/// An item that nobody has yet, with a number of its own.
item make_item(guild& in, category what, random_source& random);

// Words of which names are made.
std::string person_name(random_source& random);
std::string_view topic(random_source& random);
std::string_view reason(random_source& random);
std::string_view setting(random_source& random);

}  // namespace spectator
