#include "guilds.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace spectator {

namespace {

constexpr std::array category_names{"members", "channels", "roles", "emoji", "bans"};
constexpr std::array fields{"role", "topic", "colour", "symbol", "reason"};
constexpr std::string_view letters = "mcreb";

constexpr std::array<std::string_view, 40> first_names{
    "Ann",   "Gustav", "Tina",   "Pieter", "Lindiwe", "Jonas", "Mira", "Sipho", "Elsa",  "Karel",
    "Noor",  "Tomas",  "Anika",  "Ben",    "Chloe",   "Daan",  "Eva",  "Femke", "Goran", "Hanna",
    "Ivo",   "Jana",   "Koos",   "Lena",   "Marius",  "Nomsa", "Otto", "Petra", "Ravi",  "Saskia",
    "Thabo", "Ulla",   "Viktor", "Wanda",  "Xenia",   "Yusuf", "Zola", "Bram",  "Carla", "Dirk"};
constexpr std::array<std::string_view, 30> last_names{
    "van der Merwe", "Lindgren",   "Nkosi", "Botha",   "Keller", "Okafor", "Visser", "Moreau",  "Petrov", "Dlamini",
    "Jansen",        "Meyer",      "Novak", "Olsen",   "Smit",   "Tanaka", "Weber",  "Zulu",    "Adler",  "Brandt",
    "Coetzee",       "du Plessis", "Engel", "Fischer", "Groen",  "Haas",   "Ito",    "Joubert", "Kruger", "Larsen"};
constexpr std::array<std::string_view, 16> places{
    "Lakeside", "Harbour", "Old Mill", "North Star", "Willow", "Granite", "Meadow",  "Lighthouse",
    "Copper",   "Juniper", "Sunday",   "Paper",      "Maple",  "Winter",  "Orchard", "Signal"};
constexpr std::array<std::string_view, 12> clubs{"Sailors",      "Chess Club", "Makers",      "Book Circle",
                                                 "Runners",      "Choir",      "Gardeners",   "Radio Amateurs",
                                                 "Film Society", "Bakers",     "Astronomers", "Cyclists"};
constexpr std::array<std::string_view, 18> channel_words{
    "general",       "welcome",  "rules",   "help",      "photos",    "events",  "market",  "music",  "off-topic",
    "announcements", "planning", "weekend", "newcomers", "questions", "archive", "kitchen", "travel", "links"};
constexpr std::array<std::string_view, 12> role_words{"Moderator", "Helper",    "Founder",      "Newcomer",
                                                      "Organiser", "Treasurer", "Guest",        "Veteran",
                                                      "Speaker",   "Editor",    "Photographer", "Friend"};
constexpr std::array<std::string_view, 24> symbols{"👋", "🎉",    "🐬", "🍞", "🌙",    "⚓",    "🎲", "📚", "🏃", "🎶", "🌱", "📻",
                                                   "🎬", "🥐", "🔭", "🚲", "🦉", "🧭", "🍀", "🔥", "💡", "🐝", "🍉", "🎈"};
constexpr std::array<std::string_view, 24> emoji_words{
    "wave",   "party",   "dolphin", "bread", "moon", "anchor",    "dice",      "books",
    "runner", "notes",   "sprout",  "radio", "film", "croissant", "telescope", "bike",
    "owl",    "compass", "clover",  "fire",  "idea", "bee",       "melon",     "balloon"};
constexpr std::array<std::string_view, 10> topics{
    "what happens this week", "questions and answers", "pictures of the last meeting", "who brings what",
    "say hello here",         "lost and found",        "plans for the summer",         "the next evening together",
    "news from the board",    "anything else"};
constexpr std::array<std::string_view, 6> reasons{
    "advertising", "insults", "the same link forty times", "pretending to be a moderator", "spam", "asked to leave"};
constexpr std::array<std::string_view, 6> settings{"who may invite", "name of the guild",    "slow mode",
                                                   "language",       "picture of the guild", "who may write in #rules"};
constexpr std::string_view hex = "0123456789abcdef";

template <class Words>
auto pick(const Words& words, random_source& random) {
    return words[random.below(words.size())];
}

std::string numbered(std::string_view word, std::uint32_t number, std::size_t words) {
    // So that no two have the same name, however many there are.
    return number <= words ? std::string{word} : std::string{word} + '-' + std::to_string(number);
}

std::string colour(random_source& random) {
    std::string text = "#";
    for (int i = 0; i < 6; ++i) text += hex[3 + random.below(11)];
    return text;
}

}  // namespace

std::uint64_t random_source::next() noexcept {
    // SplitMix64: one addition and a mix of bits, good enough for names.
    std::uint64_t mixed = state_ += 0x9e3779b97f4a7c15;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
}

bool read_category(std::string_view name, category& into) {
    const auto found = std::find(category_names.begin(), category_names.end(), name);
    if (found == category_names.end()) return false;
    into = static_cast<category>(found - category_names.begin());
    return true;
}

std::string id_of(category in, const item& which) {
    return letters[static_cast<std::size_t>(in)] + std::to_string(which.number);
}

nlohmann::json described(category in, const item& which) {
    return {{"id", id_of(in, which)}, {"name", which.name}, {fields[static_cast<std::size_t>(in)], which.more}};
}

std::string person_name(random_source& random) {
    return std::string{pick(first_names, random)} + ' ' + std::string{pick(last_names, random)};
}
std::string_view topic(random_source& random) { return pick(topics, random); }
std::string_view reason(random_source& random) { return pick(reasons, random); }
std::string_view setting(random_source& random) { return pick(settings, random); }

item make_item(guild& in, category what, random_source& random) {
    item made;
    made.number = ++in.last_number[static_cast<std::size_t>(what)];
    const std::size_t at = made.number - 1;
    switch (what) {
        case category::members:
            made.name = person_name(random);
            made.more = in.of(category::roles).empty() ? "" : pick(in.of(category::roles), random).name;
            break;
        case category::channels:
            made.name = numbered(channel_words[at % channel_words.size()], made.number, channel_words.size());
            made.more = topic(random);
            break;
        case category::roles:
            made.name = numbered(role_words[at % role_words.size()], made.number, role_words.size());
            made.more = colour(random);
            break;
        case category::emoji:
            made.name = numbered(emoji_words[at % emoji_words.size()], made.number, emoji_words.size());
            made.more = symbols[at % symbols.size()];
            break;
        case category::bans:
            made.name = person_name(random);
            made.more = reason(random);
            break;
    }
    return made;
}

std::vector<guild> make_guilds(const guild_sizes& sizes, std::uint64_t seed) {
    std::vector<guild> all(sizes.guilds);
    for (std::size_t i = 0; i < all.size(); ++i) {
        guild& made = all[i];
        // Each has a source of its own: more guilds leave the others as they are.
        random_source random{seed * 1'000'003 + i};
        made.id = 'g' + std::to_string(i + 1);
        made.name =
            std::string{places[i % places.size()]} + ' ' + std::string{clubs[(i / places.size() + i) % clubs.size()]};
        const auto fill = [&](category what, std::size_t count) {
            for (std::size_t n = 0; n < count; ++n) made.of(what).push_back(make_item(made, what, random));
        };
        fill(category::roles, sizes.roles);
        fill(category::members, sizes.members);
        fill(category::channels, sizes.channels);
        fill(category::emoji, sizes.emoji);
        fill(category::bans, 3);
    }
    return all;
}

}  // namespace spectator
