#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "clients/client_settings.hpp"
#include "clients/connection/connection.hpp"
#include "clients/engine/shard_engines.hpp"
#include "clients/http/file_reader.hpp"
#include "clients/http/http_connection.hpp"
#include "clients/listener/arrival.hpp"
#include "clients/login/access_rules.hpp"
#include "clients/login/login_service.hpp"
#include "clients/memory_bounds.hpp"
#include "clients/session/user_session.hpp"
#include "clients/websocket/web_form.hpp"
#include "clients/websocket/websocket_side.hpp"
#include "exchange/shard.hpp"
#include "web/websocket_pool.hpp"

namespace bester::clients {

/// All client connections of one shard, logged in or not: owns them, and keeps their deadlines and bounds. On the
/// shard's thread, apart from the constructor.
class shard_clients final : public exchange::swept, private exchange::turn_worker {
public:
    /// Objects that are given by reference must outlive it.
    shard_clients(exchange::shard& on, const client_limits& limits, login_service& logins, doorkeeper& door,
                  file_reader& files, std::shared_ptr<const access_rules> rules);
    ~shard_clients() override;

    /// Sets the list of all shards' objects by index, before any shard runs; the list must outlive them.
    void know(const std::vector<std::unique_ptr<shard_clients>>& all) noexcept { everywhere_ = &all; }
    /// Takes over an accepted connection at the end of this turn or, if many have been accepted, of a later one.
    /// `listener` must outlive the shard.
    void adopt(arrival came, const listener_settings& listener);
    void apply(const client_limits& limits);
    /// Applies to messages and log-ins from now on.
    void apply(std::shared_ptr<const access_rules> rules) { rules_ = std::move(rules); }
    /// From now on new messages are refused, and all clients are asked to connect again, at different times.
    void drain(std::uint64_t spread_ms);
    /// Closes all sessions with `shutting_down`.
    void close_all();
    /// Closes the sessions of a user whose account was removed.
    /// `except`: one that goes on.
    void end_sessions_of(std::string_view user, exchange::session_id except = {});
    /// The same on all shards.
    void end_sessions_everywhere(const std::string& user, exchange::session_id except);
    /// The same for every logged-in user that has no account any more; `accounts` is sorted.
    void end_sessions_without(const std::vector<std::string>& accounts);
    /// Returns the number of messages that handlers still have.
    std::size_t unanswered() const;
    std::size_t size() const noexcept { return all_.size(); }
    std::vector<std::pair<const listener_settings*, std::size_t>> count_by_listener() const;

    bool sweep(std::uint64_t now_ms) override;

    // For connections.
    exchange::shard& shard() noexcept { return shard_; }
    const client_limits& limits() const noexcept { return limits_; }
    login_service& logins() noexcept { return logins_; }
    doorkeeper& door() noexcept { return door_; }
    const access_rules& rules() const noexcept { return *rules_; }
    shard_engines& engines() noexcept { return engines_; }
    shard_clients& on_shard(unsigned index) noexcept { return *(*everywhere_)[index]; }
    /// Replaces `former` by a `Next`, which is made from the parts of the connection and `how`, and begins with the
    /// input that was received. Returns null, and the connection is closed, if it could not be made. Must not be called
    /// from within on_frame of `former`, which is destroyed at the end of the turn.
    template <class Next, class... How>
    Next* replace(connection& former, How&&... how) {
        connection_parts parts;
        if (shard_.guarded("an upgrade", [&] { parts = give_away(former); }))
            return take_over<Next>(std::move(parts), how...);
        former.fail();
        return nullptr;
    }
    /// Takes a connection out, to be continued elsewhere.
    connection_parts give_away(connection& who);
    /// The second half of replace() for a connection that was taken out, on this shard or (connection::can_move) on
    /// another.
    template <class Next, class... How>
    Next* take_over(connection_parts parts, How&&... how) {
        Next* made = nullptr;
        const auto make = [&] {
            auto next = std::make_unique<Next>(*this, parts, how...);
            Next& listed = *next;
            list(std::move(next));
            made = &listed;
            await_login(listed);
            listed.begin(parts.stream.received, how...);
        };
        if (shard_.guarded("a connection that goes on", make)) return made;
        if (made) made->fail();
        else shard_.count(exchange::counter::connections_closed);
        return nullptr;
    }
    /// Calls `work(shard_clients&)` on another shard.
    template <class Work>
    void send_on(unsigned target, Work&& work) {
        shard_.post_to(target, [&there = on_shard(target), work = std::forward<Work>(work)](exchange::shard&) mutable {
            work(there);
        });
    }
    /// Returns whether one more Engine.IO session, or session without a connection, may be opened; they are bounded
    /// like connections.
    bool has_room_for_engine() const noexcept;
    void count_engine() noexcept { ++engine_count_; }
    void uncount_engine() noexcept { --engine_count_; }
    /// Called before a namespace's session is destroyed.
    void forget(user_session& who);
    /// Gives a log-in to the handler; the session gets the decision, if it still exists.
    void ask_handler(user_session& who, const access::address_key& from, std::string_view data);
    /// Watches the end of the session's token.
    void watch_expiry(user_session& who);
    bool is_draining() const noexcept { return is_draining_; }
    memory_bounds& memory() noexcept { return memory_; }
    exchange::stream_account& account() noexcept { return memory_.account(); }
    /// Calls `each(shard_clients&)` for all shards, which may use only functions for any thread of the others.
    template <class Each>
    void for_each_shard(Each&& each) const {
        for (const auto& there : *everywhere_) each(*there);
    }
    void watch_blocked(connection& who);
    /// Notes traffic of a ciphered connection, whose memory is freed when it is idle.
    void watch_warm(connection& who);
    /// Watches a WebSocket for silence, until stop_watching().
    void watch_silence(websocket_side& who);
    void stop_watching(websocket_side& who) noexcept { silent_.remove(who); }
    /// Calls end_now() of the connection at the end of the turn, if it exists then.
    void end_later(connection& who);
    web::websocket_pool& websockets() noexcept { return websockets_; }
    shared_web_forms& web_forms() noexcept { return web_forms_; }
    file_reader& files() noexcept { return files_; }
    /// Registers a connection that is sent a file, as long as that lasts.
    void file_begun(http_connection& who) { with_file_.add(who); }
    void file_ended(http_connection& who) noexcept { with_file_.remove(who); }
    /// Makes room for one more file: ends the connection on this shard that has been sent a file for the longest, if
    /// that is longer than the write timeout; returns false if there is none.
    bool end_longest_file();
    /// A buffer for text that is built on the way in or out; valid until the next use.
    std::string& text_room() noexcept { return text_room_; }
    void authenticated(connection& who);
    void closed(connection& who);

    /// Returns a ticket: a number by which the connection is found when the answer to its request comes.
    std::uint64_t give_ticket(http_connection& who);
    void drop_ticket(std::uint64_t ticket) noexcept { requests_.erase(ticket); }
    /// Calls `work(http_connection&)` for the connection with this ticket, if it still waits; a ticket is valid once.
    /// An exception closes the connection.
    template <class Work>
    void with_request(std::uint64_t ticket, Work&& work) {
        http_connection* const asking = take_request(ticket);
        if (asking && !shard_.guarded("the answer to a request", [&] { work(*asking); })) asking->fail();
    }

    /// Ends the connection of a request, if it still waits: there is no memory for its answer.
    void fail_request(std::uint64_t ticket) noexcept;
    /// Answers a request of Engine.IO, if its connection still waits.
    void answer(std::uint64_t ticket, const engine_answer& answer);

    /// Returns a ticket for a session that logs in from this address: a number by which it is found when the log-in is
    /// decided.
    std::uint64_t start_verification(user_session& who, const access::address_key& from);
    /// Calls `work(user_session&)` for the session with this ticket, if it still waits; a ticket is valid once. An
    /// exception ends the session. `is_wrong`: the credentials are wrong, which counts as a failed log-in also if the
    /// session does not wait any more.
    template <class Work>
    void with_login(std::uint64_t ticket, bool is_wrong, Work&& work) {
        user_session* const asked = take_ticket(ticket, is_wrong);
        if (asked) end_if_fails(*asked, "the end of a log-in", [&] { work(*asked); });
    }
    /// Runs `work` for the session; an exception ends the session.
    template <class Work>
    void end_if_fails(exchange::session& who, const char* where, Work&& work) {
        if (shard_.guarded(where, work)) return;
        shard_.guarded("a session that misses something",
                       [&] { who.disconnect(wire::as_status_error(wire::error_code::internal_error)); });
    }
    /// Returns whether a handler decides on the log-in that this session waits for.
    bool is_asking_handler(const user_session& who) const;

private:
    void work_in_turn() override;
    void begin(arrival came, const listener_settings& listener);
    connection& list(std::unique_ptr<connection> made);
    void await_login(connection& who);
    void remove(connection& who);
    http_connection* take_request(std::uint64_t ticket);
    user_session* take_ticket(std::uint64_t ticket, bool is_wrong);
    void stop_waiting(const user_session& who);
    template <class Each>
    void for_each_session(Each&& each) const;
    void end_due();
    void cool(std::uint64_t now_ms);
    void check_silence(std::uint64_t now_ms);
    void check_expiries();

    exchange::shard& shard_;
    client_limits limits_;
    login_service& logins_;
    doorkeeper& door_;
    std::shared_ptr<const access_rules> rules_;
    const std::vector<std::unique_ptr<shard_clients>>* everywhere_ = nullptr;
    std::size_t engine_count_ = 0;
    bool is_draining_ = false;
    std::uint64_t last_ticket_ = 0;
    memory_bounds memory_{*this};     // sessions refer to it
    web::websocket_pool websockets_;  // sessions refer to it
    std::vector<std::unique_ptr<connection>> all_;
    std::deque<std::pair<arrival, const listener_settings*>> arrived_;  ///< in order
    exchange::place_list<connection, &connection::login_place> logging_in_;
    exchange::place_list<connection, &connection::blocked_place> blocked_;
    exchange::place_list<connection, &connection::warm_place> warm_;
    exchange::place_list<connection, &connection::ending_place> ending_;  ///< ended at the end of this turn
    bool is_ending_due_ = false;
    exchange::place_list<http_connection, &http_connection::file_place> with_file_;
    file_reader& files_;
    shared_web_forms web_forms_;
    std::string text_room_;
    exchange::place_list<websocket_side, &websocket_side::silence_place> silent_;  ///< WebSockets that may be
    std::uint64_t next_silence_check_ms_ = 0;
    exchange::place_list<user_session, &user_session::expiring_place> expiring_;
    std::uint64_t next_expiry_check_ms_ = 0;
    /// A log-in that is being decided.
    struct verification {
        user_session* asked;  ///< null: the session has ended
        access::address_key from;
        std::string user;
    };
    std::unordered_map<std::uint64_t, verification> verifying_;             ///< by ticket
    std::unordered_map<const user_session*, std::uint64_t> login_tickets_;  ///< of those that wait for one of these
    std::unordered_map<std::uint64_t, http_connection*> requests_;          ///< that wait for their answer, by ticket
    std::unordered_map<std::uint64_t, std::unique_ptr<login_call>> calls_;  ///< by the ticket of who asked
    shard_engines engines_{*this};
};

}  // namespace bester::clients
