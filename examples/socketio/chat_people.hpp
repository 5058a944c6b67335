// Who is in which room, on this server and on those that are linked with it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace chat {

/// Somebody who is connected: one Socket.IO socket of the namespace `/`. A plain value.
struct person {
    std::string id;  ///< the socket's id, which is its session; of another server: "id@server"
    std::string user;
    std::string name;    ///< what others see
    std::string server;  ///< empty: this one
    std::set<std::string> rooms{};
};

/// All of them, and the rooms they are in. As large as there are people, no larger: who goes is taken
/// out. References live until their person is removed. Not thread-safe.
class people {
public:
    /// Adds somebody, or returns who is there under this id.
    person& add(person who);
    person* find(std::string_view id);

    /// False if nothing changes by it.
    bool enter(person& who, const std::string& room);
    bool leave(person& who, const std::string& room);
    /// Also out of all rooms. The id need not be known.
    void remove(const std::string& id);
    void clear();

    std::vector<std::string> ids_of_server(std::string_view server) const;
    std::size_t members(const std::string& room) const;
    /// What those in a room are told of each other: `[{"id","user","name"}, …]`.
    nlohmann::json list_room(const std::string& room) const;
    /// Of everybody, with the rooms: `[{"id","user","name","server","rooms"}, …]`.
    nlohmann::json list_all(const std::string& own_server) const;

    auto begin() const { return people_.begin(); }
    auto end() const { return people_.end(); }

private:
    std::map<std::string, person, std::less<>> people_;   // by id
    std::map<std::string, std::set<std::string>> rooms_;  // ids
};

nlohmann::json described(const person& who);
nlohmann::json described_wholly(const person& who, const std::string& own_server);

/// The name that somebody goes by: that of their account; who has none may choose one in the URL
/// (`?name=Tina`) and is else a guest.
std::string name_of(const std::string& user, std::string_view query);

/// Can a room be called so: 1 to 40 of letters, digits, '-', '_'?
bool is_room(std::string_view name);

/// The broker's group behind a room, and back: empty if it is the group of none.
std::string group_of(const std::string& room);
std::string room_of(std::string_view group);

}  // namespace chat
