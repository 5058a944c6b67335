#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/envelope.hpp"
#include "exchange/payload.hpp"
#include "exchange/peer_port.hpp"
#include "exchange/pending_outcomes.hpp"
#include "exchange/session_id.hpp"
#include "wire/client_codec.hpp"
#include "wire/handler_codec.hpp"

namespace bester::exchange {

class shard;
class session;
class command_source;
struct command_rights;

/// Executes what handlers command, on the shard to which they sent it: deliveries to its own
/// sessions at once, to others' through their mailboxes. A message's status waits until all other
/// shards have said how many sessions they reached. On the shard's thread only.
class executor {
public:
    explicit executor(shard& owner) noexcept : shard_{owner}, outcomes_{owner} {}

    /// An answer to `message`: executes its commands and ends the message, unless it is passed on.
    void answer(command_source& source, const envelope_view& message, const wire::handler_frame& frame);
    /// Commands that answer nothing. `handler`'s own messages (sendHandler) start from here.
    void push(command_source& source, const wire::handler_frame& frame);

    /// What another server sent on: a delivery to users here, of which `ref` (0: no) says the result. `rights`:
    /// whom that server may address; null: everybody.
    void deliver_from(std::string_view server, std::uint64_t ref, std::string_view type_token, std::string_view data,
                      std::span<const std::string_view> users, bool is_for_everybody, const command_rights* rights);
    /// What another server sent for the handler of this type. `hops`: handlers and servers that it went through.
    void submit_from(const remote_origin& origin, const remote_submission& what);
    /// Another server, or the way to it, says what became of what was sent there.
    void arrived(const acknowledgement& to, const partial_outcome& outcome) { outcomes_.arrived(to, outcome); }
    /// Hands a reply of another server to a session here; if there is no room, what the asker waits for ends badly.
    void reply_from_server(session_id to, const acknowledgement& asked, std::string_view type_token,
                           std::string_view data, std::string_view id_token);

    /// Ends a message that was submitted: its sender gets the status. `error` null: good.
    void finish(const envelope_view& message, const wire::status_error* error) { outcomes_.finish(message, error); }

private:
    /// What one frame's commands share.
    struct execution {
        command_source& source;
        const wire::handler_frame& frame;
        envelope_view message;  ///< origin none in a push
        const std::uint64_t* answered = nullptr;
        std::size_t index = 0;  ///< of the command being executed
        bool is_passed_on = false;
        wire::error_code first_error = wire::error_code::none;
        std::string first_reason{};
        std::string_view from_server{};  ///< that had this delivered, and
        std::uint64_t ref = 0;           ///< wants to know by this number what was reached
    };
    void run_commands(execution& run);
    void run(execution& run, const wire::command& command);
    void reply(execution& run, const wire::command& command);
    void send_clients(execution& run, const wire::command& command);
    void send_group(execution& run, const wire::command& command);
    void change_membership(execution& run, const wire::command& command);
    void send_handler(execution& run, const wire::command& command);
    void send_servers(execution& run, const wire::command& command);
    void disconnect(execution& run, const wire::command& command);
    void refuse_distant(execution& run);
    static std::string_view sender_of(const execution& run);
    void reply_to_server(execution& run, const wire::command& command);
    void deliver_to_servers(execution& run, const wire::command& command, reach& reached, std::string_view type_token);
    bool may_send(execution& run, const wire::command& command, reach& reached, std::string_view server,
                  std::string_view type_token, std::string_view user);

    bool is_permitted(execution& run, const wire::command& command);
    bool may_address(execution& run, const wire::command& command, reach& reached, std::string_view recipient);
    /// Nothing of the command is executed: this takes the place of its report.
    void refuse(execution& run, wire::error_code code, std::string_view reason);
    /// A part of it is not executed; the report comes as well.
    void refuse_part(execution& run, wire::error_code code, std::string_view reason);
    void tell_refusal(execution& run, wire::error_code code, std::string_view reason, std::string_view report);
    bool collect_targets(execution& run, const wire::command& command, reach& reached);
    void deliver_to_targets(execution& run, const wire::command& command, reach& reached, std::string_view type_token);
    static bool delivers(const wire::command& command) noexcept;
    acknowledgement expect(execution& run, const wire::command& command, reach& reached);
    /// `missed`: sessions that were named and not reached, and why.
    static void report_back(shard& from, const acknowledgement& to, std::uint64_t delivered,
                            std::vector<session_id> missed = {},
                            wire::error_code code = wire::error_code::recipient_offline);
    static void report_back(shard& from, const acknowledgement& to, partial_outcome&& outcome);
    void complete(execution& run, const wire::command& command, reach& reached);
    static report_target report_of(const execution& run, const wire::command& command) noexcept;
    static void missed(const wire::command& command, reach& reached, std::string_view recipient, wire::error_code code);
    std::string_view type_of(execution& run, const wire::command& command);
    void mark_excepted(execution& run, const wire::command& command);

    bool has_room(session& to, bool is_from_server);
    /// What became of a delivery to one session.
    enum class handed : std::uint8_t { over, no, no_room };
    handed hand_over(session& to, const payload& frame, bool is_from_server);
    template <class ForEachMember>
    std::uint64_t deliver_all(const payload& frame, const std::vector<session_id>& except, bool is_from_server,
                              ForEachMember&& members);

    shard& shard_;
    pending_outcomes outcomes_;
    std::vector<session_id> targets_;  ///< of the command being executed, kept for their memory
    std::vector<session_id> except_;
    std::vector<std::pair<std::string_view, std::string_view>> distant_;  ///< server and user, of the same
    std::vector<std::string_view> distant_users_;                         ///< of one of the servers
    wire::handler_frame remote_frame_;                                    ///< a command from another server
    std::vector<session_id> parsed_;
    bool is_everybody_ = false;
};

}  // namespace bester::exchange
