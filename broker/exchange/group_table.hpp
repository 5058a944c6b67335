#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/string_map.hpp"

namespace bester::exchange {

class session;

/// The members of a handler's group on one shard. A group's members on other shards are in those shards' tables.
class group {
public:
    group(std::string handler, std::string name) : handler_{std::move(handler)}, name_{std::move(name)} {}
    const std::string& handler() const noexcept { return handler_; }
    const std::string& name() const noexcept { return name_; }
    const std::vector<session*>& members() const noexcept { return members_; }

private:
    friend class group_table;
    std::string handler_;
    std::string name_;
    std::vector<session*> members_;
};

/// Receives the number of sessions that each group of a handler has on this shard. Must exist until unwatch(). An
/// observer that cannot process a change ends itself, so that it never works with wrong numbers.
class group_observer {
public:
    virtual ~group_observer() = default;
    /// `sessions` is the group's new number of sessions here; 0: the group is empty.
    virtual void on_group(std::string_view group, std::size_t sessions) noexcept = 0;
};

/// The groups of one shard. On its thread only.
///
/// Observers do not hear of each join and leave: changes are gathered, and tell_changes() reports the last number of
/// each group once. Nothing is gathered for a handler whose groups nobody observes.
class group_table {
public:
    /// `changes_wait` is called when there is the first change for tell_changes().
    explicit group_table(std::function<void()> changes_wait = {}) : changes_wait_{std::move(changes_wait)} {}

    /// Puts a session into a group; does nothing if it is a member. Returns false if the session is in `most` groups
    /// already.
    bool join(std::string_view handler, std::string_view name, session& who, std::size_t most);
    void leave(std::string_view handler, std::string_view name, session& who);
    /// Removes a session that closes from all its groups.
    void leave_all(session& who);
    /// Drops all groups of a handler that was removed.
    void drop_handler(std::string_view handler);

    const group* find(std::string_view handler, std::string_view name) const;

    /// Reports changes of the handler's groups to `who` from now on; for_each() gives the present numbers.
    void watch(const std::string& handler, group_observer& who);
    void unwatch(group_observer& who);
    template <class Each>
    void for_each(std::string_view handler, Each&& each) const {
        for (const auto& [key, in] : groups_)
            if (in->handler() == handler) each(*in);
    }
    /// Reports the changes to the observers. An observer may end its own watch, or another's, during the call.
    void tell_changes();

private:
    /// The changes of one handler's groups until they are reported.
    struct watch_entry {
        std::vector<group_observer*> observers;
        std::map<std::string, std::size_t, std::less<>>
            before;  ///< changed groups, with the number that was reported last
    };
    void note_change(const group& changing);
    bool is_watched_by(const std::string& handler, const group_observer* who) const;
    group* find_mutable(std::string_view handler, std::string_view name) const;
    void remove(session& who, std::size_t at);
    static void make_key(std::string& key, std::string_view handler, std::string_view name);

    string_map<std::unique_ptr<group>> groups_;
    mutable std::string key_;          ///< for look-ups; a member, so that its memory is used again
    string_map<watch_entry> watched_;  ///< by handler; empty while nobody observes
    std::function<void()> changes_wait_;
    bool has_changes_ = false;
};

}  // namespace bester::exchange
