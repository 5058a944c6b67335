#include "chat_people.hpp"

#include <algorithm>
#include <utility>

namespace chat {

using json = nlohmann::json;

person& people::add(person who) {
    auto id = who.id;
    return people_.try_emplace(std::move(id), std::move(who)).first->second;
}

person* people::find(std::string_view id) {
    const auto found = people_.find(id);
    return found == people_.end() ? nullptr : &found->second;
}

bool people::enter(person& who, const std::string& room) {
    rooms_[room].insert(who.id);
    return who.rooms.insert(room).second;
}

bool people::leave(person& who, const std::string& room) {
    if (who.rooms.erase(room) == 0) return false;
    const auto found = rooms_.find(room);
    found->second.erase(who.id);
    if (found->second.empty()) rooms_.erase(found);
    return true;
}

void people::remove(const std::string& id) {
    const auto found = people_.find(id);
    if (found == people_.end()) return;
    while (!found->second.rooms.empty()) leave(found->second, std::string{*found->second.rooms.begin()});
    people_.erase(found);
}

void people::clear() {
    people_.clear();
    rooms_.clear();
}

std::vector<std::string> people::ids_of_server(std::string_view server) const {
    std::vector<std::string> ids;
    for (const auto& [id, who] : people_)
        if (who.server == server) ids.push_back(id);
    return ids;
}

std::size_t people::members(const std::string& room) const {
    const auto found = rooms_.find(room);
    return found == rooms_.end() ? 0 : found->second.size();
}

json people::list_room(const std::string& room) const {
    auto list = json::array();
    if (const auto found = rooms_.find(room); found != rooms_.end())
        for (const auto& id : found->second) list.push_back(described(people_.at(id)));
    return list;
}

json people::list_all(const std::string& own_server) const {
    auto list = json::array();
    for (const auto& [id, who] : people_) list.push_back(described_wholly(who, own_server));
    return list;
}

json described(const person& who) { return {{"id", who.id}, {"user", who.user}, {"name", who.name}}; }

json described_wholly(const person& who, const std::string& own_server) {
    auto made = described(who);
    made["server"] = who.server.empty() ? own_server : who.server;
    made["rooms"] = who.rooms;
    return made;
}

namespace {

constexpr std::size_t longest_name = 40;  // bytes

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// The value of a URL's parameter, decoded; empty if it is not there.
std::string parameter(std::string_view query, std::string_view wanted) {
    while (!query.empty()) {
        const auto one = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(query.size(), one.size() + 1));
        if (one.substr(0, one.find('=')) != wanted || one.size() <= wanted.size()) continue;
        std::string value;
        for (std::size_t i = wanted.size() + 1; i < one.size(); ++i) {
            const int high = i + 2 < one.size() ? hex_digit(one[i + 1]) : -1;
            const int low = high >= 0 ? hex_digit(one[i + 2]) : -1;
            if (one[i] == '%' && low >= 0) value += static_cast<char>(high * 16 + low), i += 2;
            else value += one[i] == '+' ? ' ' : one[i];
        }
        return value;
    }
    return {};
}

/// An anonymous session's user is a UUID.
bool is_anonymous(std::string_view user) { return user.size() == 36 && user[8] == '-' && user[13] == '-'; }

bool is_utf8(const std::string& text) {
    try {
        return !json(text).dump().empty();
    } catch (const json::exception&) {
        return false;
    }
}

/// Without what a name cannot have, and no longer than names are; cut between letters.
std::string tidy(std::string text) {
    std::erase_if(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
    text.erase(0, text.find_first_not_of(' '));
    if (text.size() > longest_name) {
        std::size_t end = longest_name;
        while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
        text.resize(end);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return is_utf8(text) ? text : std::string{};
}

constexpr std::string_view room_prefix = "room.";

}  // namespace

std::string name_of(const std::string& user, std::string_view query) {
    if (!is_anonymous(user)) return user;
    auto name = tidy(parameter(query, "name"));
    return name.empty() ? "guest " + user.substr(0, 4) : name;
}

bool is_room(std::string_view name) {
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    return !name.empty() && name.size() <= 40 && name.find_first_not_of(allowed) == std::string_view::npos;
}

std::string group_of(const std::string& room) { return std::string{room_prefix} + room; }

std::string room_of(std::string_view group) {
    if (!group.starts_with(room_prefix)) return {};
    return std::string{group.substr(room_prefix.size())};
}

}  // namespace chat
