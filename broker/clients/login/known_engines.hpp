#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>

namespace bester::clients {

/// The ids of the Engine.IO sessions of all shards in which a client has logged in. A request may come on any shard,
/// which must know before its body arrives how large that may be. Any thread.
class known_engines {
public:
    void add(const std::string& sid) {
        const std::lock_guard lock{mutex_};
        sids_.insert(sid);
    }
    void remove(const std::string& sid) {
        const std::lock_guard lock{mutex_};
        sids_.erase(sid);
    }
    bool has(std::string_view sid) const {
        const std::lock_guard lock{mutex_};
        return sids_.contains(std::string{sid});
    }

private:
    mutable std::mutex mutex_;
    std::unordered_set<std::string> sids_;
};

}  // namespace bester::clients
