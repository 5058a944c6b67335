#include "exchange/group_table.hpp"

#include <algorithm>
#include <utility>

#include "exchange/session.hpp"

namespace bester::exchange {

void group_table::make_key(std::string& key, std::string_view handler, std::string_view name) {
    key.assign(handler);
    key += '\0';
    key += name;
}

group* group_table::find_mutable(std::string_view handler, std::string_view name) const {
    make_key(key_, handler, name);
    const auto found = groups_.find(key_);
    return found == groups_.end() ? nullptr : found->second.get();
}

const group* group_table::find(std::string_view handler, std::string_view name) const {
    return find_mutable(handler, name);
}

namespace {

/// Makes room for one more, so that adding it cannot fail.
template <class Value>
void make_room(std::vector<Value>& values) {
    constexpr std::size_t first_capacity = 4;
    if (values.size() == values.capacity()) values.reserve(std::max(first_capacity, 2 * values.size()));
}

}  // namespace

bool group_table::join(std::string_view handler, std::string_view name, session& who, std::size_t most) {
    group* in = find_mutable(handler, name);
    const std::size_t joined = who.memberships ? who.memberships->size() : 0;
    for (std::size_t i = 0; i < joined; ++i)
        if ((*who.memberships)[i].in == in) return true;
    if (joined >= most) return false;
    // Everything that may fail comes first, so that group and session always agree.
    auto first_memberships = who.memberships ? nullptr : std::make_unique<std::vector<membership>>();
    make_room(who.memberships ? *who.memberships : *first_memberships);
    std::unique_ptr<group> made;
    if (!in) {
        made = std::make_unique<group>(std::string{handler}, std::string{name});
        in = made.get();
    }
    make_room(in->members_);
    note_change(*in);
    if (made) groups_.emplace(key_, std::move(made));
    if (first_memberships) who.memberships = std::move(first_memberships);
    who.memberships->push_back({in, static_cast<std::uint32_t>(in->members_.size())});
    in->members_.push_back(&who);
    return true;
}

void group_table::leave(std::string_view handler, std::string_view name, session& who) {
    const group* in = find(handler, name);
    if (!in || !who.memberships) return;
    for (std::size_t i = 0; i < who.memberships->size(); ++i)
        if ((*who.memberships)[i].in == in) return remove(who, i);
}

void group_table::leave_all(session& who) {
    while (who.memberships) remove(who, who.memberships->size() - 1);
}

void group_table::drop_handler(std::string_view handler) {
    std::vector<group*> dropped;
    for (const auto& [key, in] : groups_)
        if (in->handler() == handler) dropped.push_back(in.get());
    for (group* in : dropped) {
        const std::string name = in->name();
        while (const group* left = find(handler, name)) leave(handler, name, *left->members().back());
    }
}

/// Takes a session out of the group of its `at`th membership; the group's last member takes its place.
void group_table::remove(session& who, std::size_t at) {
    const membership gone = (*who.memberships)[at];
    group& in = *gone.in;
    note_change(in);
    // Before anything is changed, since it may fail.
    make_key(key_, in.handler(), in.name());
    session* const moved = in.members_.back();
    in.members_[gone.index] = moved;
    in.members_.pop_back();
    for (membership& m : *moved->memberships)
        if (m.in == &in) m.index = gone.index;
    (*who.memberships)[at] = who.memberships->back();
    who.memberships->pop_back();
    if (who.memberships->empty()) who.memberships.reset();
    if (in.members_.empty()) groups_.erase(groups_.find(key_));
}

void group_table::watch(const std::string& handler, group_observer& who) {
    // Earlier changes are reported to the other observers only.
    tell_changes();
    watched_[handler].observers.push_back(&who);
}

bool group_table::is_watched_by(const std::string& handler, const group_observer* who) const {
    const auto watched = watched_.find(handler);
    if (watched == watched_.end()) return false;
    const auto& all = watched->second.observers;
    return std::find(all.begin(), all.end(), who) != all.end();
}

void group_table::unwatch(group_observer& who) {
    for (auto it = watched_.begin(); it != watched_.end();) {
        std::erase(it->second.observers, &who);
        if (it->second.observers.empty()) it = watched_.erase(it);
        else ++it;
    }
}

/// Notes a change before a session is added or removed.
void group_table::note_change(const group& changing) {
    if (watched_.empty()) return;
    const auto watched = watched_.find(changing.handler());
    if (watched == watched_.end()) return;
    watched->second.before.try_emplace(changing.name(), changing.members().size());
    if (has_changes_) return;
    if (changes_wait_) changes_wait_();
    has_changes_ = true;
}

void group_table::tell_changes() {
    if (!has_changes_) return;
    struct news {
        std::string handler;
        std::string group;
        std::size_t sessions;
        group_observer* who;
    };
    std::vector<news> all;
    for (auto& [handler, entry] : watched_) {
        for (const auto& [name, before] : entry.before) {
            const group* const in = find(handler, name);
            const std::size_t now = in ? in->members().size() : 0;
            if (now == before) continue;
            for (group_observer* const who : entry.observers) all.push_back({handler, name, now, who});
        }
    }
    has_changes_ = false;
    for (auto& [handler, entry] : watched_) entry.before.clear();
    for (const news& each : all)
        if (is_watched_by(each.handler, each.who)) each.who->on_group(each.group, each.sessions);
}

}  // namespace bester::exchange
