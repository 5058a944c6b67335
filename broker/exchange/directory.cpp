#include "exchange/directory.hpp"

#include <algorithm>

namespace bester::exchange {

directory::stripe& directory::stripe_of(std::string_view user) noexcept {
    return stripes_[string_hash{}(user) >> 7 & (stripe_count - 1)];
}
const directory::stripe& directory::stripe_of(std::string_view user) const noexcept {
    return const_cast<directory*>(this)->stripe_of(user);
}

void directory::add(std::string_view user, session_id id) {
    stripe& in = stripe_of(user);
    const std::lock_guard lock{in.mutex};
    auto found = in.users.find(user);
    if (found == in.users.end()) {
        in.users.emplace(std::string{user}, sessions_of_user{id, nullptr});
    } else if (auto& others = found->second.others) {
        others->push_back(id);
    } else {
        others = std::make_unique<std::vector<session_id>>(1, id);
    }
    sessions_.fetch_add(1, std::memory_order_relaxed);
}

void directory::remove(std::string_view user, session_id id) {
    stripe& in = stripe_of(user);
    const std::lock_guard lock{in.mutex};
    const auto found = in.users.find(user);
    if (found == in.users.end()) return;
    sessions_of_user& sessions = found->second;
    if (sessions.first == id && !sessions.others) {
        in.users.erase(found);
        sessions_.fetch_sub(1, std::memory_order_relaxed);
        return;
    }
    if (sessions.first == id) {
        sessions.first = sessions.others->back();
        sessions.others->pop_back();
    } else if (!sessions.others || std::erase(*sessions.others, id) == 0) {
        return;  // it is not this user's
    }
    sessions_.fetch_sub(1, std::memory_order_relaxed);
    if (sessions.others && sessions.others->empty()) sessions.others.reset();
}

std::size_t directory::find(std::string_view user, std::vector<session_id>& found) const {
    const stripe& in = stripe_of(user);
    const std::lock_guard lock{in.mutex};
    const auto entry = in.users.find(user);
    if (entry == in.users.end()) return 0;
    found.push_back(entry->second.first);
    if (!entry->second.others) return 1;
    found.insert(found.end(), entry->second.others->begin(), entry->second.others->end());
    return 1 + entry->second.others->size();
}

std::size_t directory::count(std::string_view user) const {
    const stripe& in = stripe_of(user);
    const std::lock_guard lock{in.mutex};
    const auto entry = in.users.find(user);
    if (entry == in.users.end()) return 0;
    return 1 + (entry->second.others ? entry->second.others->size() : 0);
}

std::vector<directory::listed_user> directory::list(std::string_view after, std::size_t limit, bool& has_more) const {
    std::vector<listed_user> listed;
    for (const stripe& in : stripes_) {
        const std::lock_guard lock{in.mutex};
        for (const auto& [user, sessions] : in.users)
            if (user > after) listed.push_back({user, 1 + (sessions.others ? sessions.others->size() : 0)});
    }
    has_more = listed.size() > limit;
    const auto end = listed.begin() + static_cast<std::ptrdiff_t>(std::min(limit, listed.size()));
    std::partial_sort(listed.begin(), end, listed.end(),
                      [](const listed_user& a, const listed_user& b) { return a.user < b.user; });
    listed.erase(end, listed.end());
    return listed;
}

std::size_t directory::users() const {
    std::size_t sum = 0;
    for (const stripe& in : stripes_) {
        const std::lock_guard lock{in.mutex};
        sum += in.users.size();
    }
    return sum;
}

}  // namespace bester::exchange
