#include "exchange/group_table.hpp"

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

bool group_table::join(std::string_view handler, std::string_view name, session& who, std::size_t most) {
    group* in = find_mutable(handler, name);
    if (!who.memberships) who.memberships = std::make_unique<std::vector<membership>>();
    for (const membership& m : *who.memberships)
        if (m.in == in) return true;
    if (who.memberships->size() >= most) return false;
    if (!in) {
        auto made = std::make_unique<group>(std::string{handler}, std::string{name});
        in = made.get();
        groups_.emplace(key_, std::move(made));
    }
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
    session* const moved = in.members_.back();
    in.members_[gone.index] = moved;
    in.members_.pop_back();
    for (membership& m : *moved->memberships)
        if (m.in == &in) m.index = gone.index;
    (*who.memberships)[at] = who.memberships->back();
    who.memberships->pop_back();
    if (who.memberships->empty()) who.memberships.reset();
    if (in.members_.empty()) {
        make_key(key_, in.handler(), in.name());
        groups_.erase(groups_.find(key_));
    }
}

}  // namespace bester::exchange
