// The gateway: who is signed in, what everybody may see, and who follows which guild.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <bester/handler.hpp>

#include "access_token.hpp"
#include "protocol.hpp"
#include "viewer_rights.hpp"

namespace spectator {

/// The handler's section of the broker's config. A plain value.
struct gateway_settings {
    std::string path = "/v1/spectator";
    std::string feed = "feed";  ///< the handler that has the guilds' data
    std::string algorithm = "HS256";
    std::string key_file;
    std::chrono::milliseconds grace{30'000};  ///< how long a view outlives its token
};

/// Throws std::invalid_argument that says what is wrong.
gateway_settings read_settings(const nlohmann::json& config);

/// Answers what clients ask, and keeps what it knows of each session. All on the thread of
/// `handler.run()`, which calls it; the handler must outlive it.
///
/// Of a session: it signs in (`authenticate`), follows a guild or none (`spectate`), and its token
/// ends. Then it is told `token_expired`, and its view stays for the time of grace; a new token of the
/// same user continues it. What happens in one answer happens in its order, on the session's shard:
/// leave, reply, join. So nothing of the former guild can come after the reply.
class gateway {
public:
    explicit gateway(bester::handler& self);

private:
    using clock = std::chrono::system_clock;

    struct view {
        std::string guild;
        bool has_log = false;
        std::vector<std::string> groups;
    };
    struct viewer {
        std::optional<viewer_rights> rights;  ///< none: not signed in
        bool has_expired = false;             ///< and the time of grace runs
        std::optional<view> following;
        std::optional<bester::timer_id> timer;
    };

    void start(const bester::welcome& greeting);
    void greet_again(const bester::snapshot& before);
    void look_for_strangers();
    bool take_out(const std::string& group, const std::string& session);
    bool come(const bester::client_session& session);
    void go(const std::string& session);
    bester::answer take(const bester::message& received);
    bester::answer handle(const request& asked, const std::string& session, viewer& who);
    bester::answer authenticate(const request& asked, const std::string& session, viewer& who);
    bester::answer spectate(const request& asked, viewer& who);
    bester::answer pool(const request& asked, const viewer& who);
    bester::answer change_view(const request& asked, viewer& who, std::optional<view> next, const nlohmann::json& told);
    void expire_later(const std::string& session, viewer& who);
    void expire(const std::string& session);
    void end_grace(const std::string& session);
    void set_timer(viewer& who, std::chrono::nanoseconds delay, bester::callback<void()> function);
    void tell(const std::string& session, std::string_view kind, const nlohmann::json& data);

    bester::handler& self_;
    gateway_settings settings_;
    std::string server_;
    bool knows_who_is_here_ = false;  ///< the snapshot has come
    std::optional<token_verifier> tokens_;
    std::set<std::string> groups_;  ///< those with sessions, whoever put them there
    std::vector<bester::timer_id> sweeps_;
    std::map<std::string, viewer, std::less<>> viewers_;  ///< of the sessions on the path, by id
};

}  // namespace spectator
