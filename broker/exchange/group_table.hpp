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

/// A named set of sessions of one shard that belongs to a handler. The members on the other shards
/// are in those shards' tables: a group as a whole exists only as the sum.
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

/// Who hears how many sessions the groups of a handler have on this shard. Outlives its watch.
class group_observer {
public:
    virtual ~group_observer() = default;
    /// `sessions` is another number than was said last; 0: the group is empty.
    virtual void on_group(std::string_view group, std::size_t sessions) = 0;
};

/// The groups of one shard. On its thread only.
///
/// Observers do not hear of each join and leave: what has changed is gathered, and tell_changes() says
/// it once, with the last number. While nobody observes, nothing is gathered.
class group_table {
public:
    /// `changes_wait` is called when tell_changes() has something to say, once until then.
    explicit group_table(std::function<void()> changes_wait = {}) : changes_wait_{std::move(changes_wait)} {}

    /// False if the session is in `most` groups already. Joining twice is joining once.
    bool join(std::string_view handler, std::string_view name, session& who, std::size_t most);
    void leave(std::string_view handler, std::string_view name, session& who);
    /// When a session closes.
    void leave_all(session& who);
    /// Drops all groups of a handler that was removed.
    void drop_handler(std::string_view handler);

    const group* find(std::string_view handler, std::string_view name) const;

    /// From now on `who` hears of changes of the handler's groups; for_each() says what there is now.
    void watch(const std::string& handler, group_observer& who);
    void unwatch(group_observer& who);
    template <class Each>
    void for_each(std::string_view handler, Each&& each) const {
        for (const auto& [key, in] : groups_)
            if (in->handler() == handler) each(*in);
    }
    /// An observer may end its own watch, or another's, when it is told.
    void tell_changes();

private:
    /// What is gathered of one handler's groups until the observers are told.
    struct watch_entry {
        std::vector<group_observer*> observers;
        std::map<std::string, std::size_t, std::less<>> before;  ///< of changed groups: what was told last
    };
    void note_change(const group& changing);
    bool is_watched_by(const std::string& handler, const group_observer* who) const;
    group* find_mutable(std::string_view handler, std::string_view name) const;
    void remove(session& who, std::size_t at);
    static void make_key(std::string& key, std::string_view handler, std::string_view name);

    string_map<std::unique_ptr<group>> groups_;
    mutable std::string key_;          ///< for look-ups, kept for its memory
    string_map<watch_entry> watched_;  ///< by handler; empty while nobody observes
    std::function<void()> changes_wait_;
    bool has_changes_ = false;
};

}  // namespace bester::exchange
