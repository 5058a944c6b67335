#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "clients/access_rules.hpp"
#include "clients/arrival.hpp"
#include "clients/client_session.hpp"
#include "clients/client_settings.hpp"
#include "clients/file_reader.hpp"
#include "clients/login_service.hpp"
#include "clients/memory_bounds.hpp"
#include "clients/moved_connection.hpp"
#include "clients/shard_engines.hpp"
#include "clients/web_form.hpp"
#include "exchange/log_limit.hpp"
#include "exchange/shard.hpp"
#include "web/websocket_pool.hpp"

namespace bester::clients {

/// How many connections there are, over all shards; listeners add, shards subtract.
using connection_count = std::atomic<std::size_t>;

/// All client connections of one shard, logged in or not: owns them, and sees to their deadlines and
/// bounds. On the shard's thread, apart from the constructor.
class shard_clients final : public exchange::swept {
public:
    /// What is given by reference must outlive it.
    shard_clients(exchange::shard& on, const client_limits& limits, login_service& logins,
                  connection_count& connections, doorkeeper& door, file_reader& files,
                  std::shared_ptr<const access_rules> rules);
    ~shard_clients() override;

    /// All shards' by index, before any of them runs; the list must outlive it.
    void know(const std::vector<std::unique_ptr<shard_clients>>& all) noexcept { everywhere_ = &all; }
    /// Takes over an accepted connection. `listener` must outlive the shard.
    void adopt(arrival who, const listener_settings& listener);
    void apply(const client_limits& limits);
    /// For what is sent and who logs in from now on.
    void apply(std::shared_ptr<const access_rules> rules) { rules_ = std::move(rules); }
    /// From now on new messages are refused; everyone is asked to connect again, staggered.
    void drain(std::uint64_t spread_ms);
    /// Closes all sessions with `shutting_down`.
    void close_all();
    /// Closes the sessions of a user whose account is gone.
    void end_sessions_of(std::string_view user);
    /// The same for every logged-in user who has an account no more; `accounts` is sorted.
    void end_sessions_without(const std::vector<std::string>& accounts);
    /// Messages that handlers still have.
    std::size_t unanswered() const;
    std::size_t size() const noexcept { return all_.size(); }
    std::vector<std::pair<const listener_settings*, std::size_t>> count_by_listener() const;

    bool sweep(std::uint64_t now_ms) override;

    // For client_session.
    exchange::shard& shard() noexcept { return shard_; }
    const client_limits& limits() const noexcept { return limits_; }
    login_service& logins() noexcept { return logins_; }
    doorkeeper& door() noexcept { return door_; }
    const access_rules& rules() const noexcept { return *rules_; }
    /// Gives a log-in to the handler; the session is told what that decided, if it is still there.
    shard_engines& engines() noexcept { return engines_; }
    shard_clients& on_shard(unsigned index) noexcept { return *(*everywhere_)[index]; }
    /// Takes a connection out, to be taken over by another shard; null: not now.
    std::unique_ptr<moved_connection> give_away(client_session& who);
    /// One that comes from another shard, with a request,
    void take_over(std::unique_ptr<moved_connection> what);
    /// or as the WebSocket of this Engine.IO session.
    client_session* take_over(std::unique_ptr<moved_connection> what, engine_session& carried);
    /// Engine.IO sessions, and sessions without a connection, are bounded as connections are.
    bool count_engine() noexcept;
    void uncount_engine() noexcept { --engine_count_; }
    /// One that there is already.
    void count_more() noexcept { ++engine_count_; }
    /// A namespace's session is going to be destroyed.
    void forget(user_session& who);
    void ask_handler(user_session& who, std::string_view data);
    /// Sees to the end of its token.
    void watch_expiry(user_session& who);
    bool is_draining() const noexcept { return is_draining_; }
    memory_bounds& memory() noexcept { return memory_; }
    exchange::stream_account& account() noexcept { return memory_.account(); }
    /// Calls `each(shard_clients&)` for those of all shards; of the others only what any thread may call.
    template <class Each>
    void for_each_shard(Each&& each) const {
        for (const auto& there : *everywhere_) each(*there);
    }
    void watch_blocked(client_session& who);
    /// A ciphered session has traffic, for which memory is held that it gives back when it is idle.
    void watch_warm(client_session& who);
    /// Sees to the silence of a WebSocket.
    void watch_web(client_session& who);
    web::websocket_pool& websockets() noexcept { return websockets_; }
    shared_web_forms& web_forms() noexcept { return web_forms_; }
    file_reader& files() noexcept { return files_; }
    /// A client gets a file, as long as that is on its way.
    void file_begun(client_session& who) { with_file_.add(who); }
    void file_ended(client_session& who) noexcept { with_file_.remove(who); }
    /// There may be no more files on their way: ends the one that has been so for the longest here, if that is longer
    /// than the write timeout; false: there is none.
    bool end_longest_file();
    /// For what is put together on the way in or out, until the next use.
    std::string& text_room() noexcept { return text_room_; }
    std::uint64_t start_verification(user_session& who);
    void authenticated(client_session& who);
    void closed(client_session& who);

    /// The session that holds this ticket, if it still waits; a ticket is good for once.
    user_session* take_ticket(std::uint64_t ticket);
    /// Does a handler decide on the log-in that this session waits for?
    bool is_asking_handler(const user_session& who) const { return calls_.count(who.login_ticket) != 0; }

private:
    void remove(client_session& who);
    client_session& add(moved_connection& what);
    void cool(std::uint64_t now_ms);
    void check_web(std::uint64_t now_ms);
    void check_expiries();

    exchange::shard& shard_;
    client_limits limits_;
    login_service& logins_;
    connection_count& connections_;
    doorkeeper& door_;
    std::shared_ptr<const access_rules> rules_;
    const std::vector<std::unique_ptr<shard_clients>>* everywhere_ = nullptr;
    std::size_t engine_count_ = 0;
    bool is_draining_ = false;
    std::uint64_t last_ticket_ = 0;
    memory_bounds memory_{*this};     // sessions refer to it
    web::websocket_pool websockets_;  // sessions refer to it
    std::vector<std::unique_ptr<client_session>> all_;
    exchange::place_list<client_session, &client_session::login_place> logging_in_;
    exchange::place_list<client_session, &client_session::blocked_place> blocked_;
    exchange::place_list<client_session, &client_session::warm_place> warm_;
    exchange::place_list<client_session, &client_session::file_place> with_file_;
    file_reader& files_;
    shared_web_forms web_forms_;
    std::string text_room_;
    exchange::place_list<client_session, &client_session::web_place> web_;  ///< WebSockets
    std::uint64_t next_web_check_ms_ = 0;
    exchange::log_limit write_timeout_lines_;
    exchange::place_list<user_session, &user_session::expiring_place> expiring_;
    std::uint64_t next_expiry_check_ms_ = 0;
    std::unordered_map<std::uint64_t, user_session*> verifying_;
    std::unordered_map<std::uint64_t, std::unique_ptr<login_call>> calls_;  ///< by the ticket of who asked
    shard_engines engines_{*this};
};

}  // namespace bester::clients
