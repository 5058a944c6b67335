// Who speaks Texto on this server: the sessions that came on its path.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include <bester/handler_events.hpp>

namespace texto {

/// As large as there are sessions, no larger: each that goes is taken out. A client id (the user's
/// name) may have several sessions, where the listener knows its users. Not thread-safe.
class clients {
public:
    explicit clients(std::string path = {}) : path_{std::move(path)} {}

    /// False if the session is not Texto's.
    bool add(const bester::client_session& came) {
        if (came.path != path_) return false;
        if (users_.emplace(came.session, came.user).second) ++sessions_[came.user];
        return true;
    }

    void remove(const std::string& session) {
        const auto gone = users_.find(session);
        if (gone == users_.end()) return;
        const auto count = sessions_.find(gone->second);
        if (--count->second == 0) sessions_.erase(count);
        users_.erase(gone);
    }

    bool has_session(std::string_view session) const { return users_.contains(std::string{session}); }
    bool has_client(const std::string& id) const { return sessions_.contains(id); }

private:
    std::string path_;
    std::unordered_map<std::string, std::string> users_;  // of sessions
    std::unordered_map<std::string, unsigned> sessions_;  // how many, of users
};

}  // namespace texto
