#pragma once

#include <cstddef>
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

/// The groups of one shard. On its thread only.
class group_table {
public:
    /// False if the session is in `most` groups already. Joining twice is joining once.
    bool join(std::string_view handler, std::string_view name, session& who, std::size_t most);
    void leave(std::string_view handler, std::string_view name, session& who);
    /// When a session closes.
    void leave_all(session& who);
    /// Drops all groups of a handler that was removed.
    void drop_handler(std::string_view handler);

    const group* find(std::string_view handler, std::string_view name) const;

private:
    group* find_mutable(std::string_view handler, std::string_view name) const;
    void remove(session& who, std::size_t at);
    static void make_key(std::string& key, std::string_view handler, std::string_view name);

    string_map<std::unique_ptr<group>> groups_;
    mutable std::string key_;  ///< for look-ups, kept for its memory
};

}  // namespace bester::exchange
