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

/// How far the commands of a frame have been executed. One that has many is executed in parts of several turns.
struct command_progress {
    std::size_t next = 0;  ///< index of the first command that has not been executed
                           // What the commands so far have made of the answered message's envelope.
    bool addressed = false;
    std::uint64_t delivered = 0;
    std::uint64_t pending = 0;
    std::size_t passing = 0;  ///< 1 + index of the sendHandler command that passes the message on; 0: none yet
    wire::error_code first_error = wire::error_code::none;
    std::string first_reason{};

    bool has_begun() const noexcept { return next > 0; }
};

/// Executes the commands of handlers on the shard to which they were sent: it delivers to the shard's own sessions at
/// once, and to those of other shards through their mailboxes. A message's status waits until all other shards have
/// reported how many sessions they reached. On the shard's thread only.
class executor {
public:
    explicit executor(shard& owner) noexcept : shard_{owner}, outcomes_{owner} {}

    /// Executes the commands of an answer to `message`, and ends the message unless a command passes it on. Returns
    /// false when a part of a turn is over before that: call it again in the next turn, with the same frame and
    /// progress, or give_up(). After an exception the progress is of no use.
    bool answer(command_source& source, const envelope_view& message, const wire::handler_frame& frame,
                command_progress& progress);
    /// The same for commands that a handler sends unasked, as no answer to a message.
    bool push(command_source& source, const wire::handler_frame& frame, command_progress& progress);
    /// The rest of the frame will not be executed; whoever has the message ends it.
    void give_up(const command_progress& progress) noexcept {
        if (progress.pending != 0) outcomes_.forget(progress.pending);
    }

    /// Delivers a message of another server to users of this one. `ref` is that server's number for the result (0: it
    /// wants none); `rights` says which users it may address (null: all).
    void deliver_from(std::string_view server, std::uint64_t ref, std::string_view type_token, std::string_view data,
                      std::span<const std::string_view> users, bool is_for_everybody, const command_rights* rights);
    /// Gives a message of another server to the handler of its type.
    void submit_from(const remote_origin& origin, const remote_submission& what);
    /// Takes the outcome of a message that was sent to another server.
    void arrived(const acknowledgement& to, const partial_outcome& outcome) noexcept { outcomes_.arrived(to, outcome); }
    /// The same, where there is no memory to say more than that it failed (internal_error). Posts it to the shard that
    /// asked.
    void tell_failure(const acknowledgement& to) noexcept { report_failure(shard_, to, {}); }
    /// Delivers a reply of another server to a session; if its queue has no room, the status that `asked` names is bad.
    void reply_from_server(session_id to, const acknowledgement& asked, std::string_view type_token,
                           std::string_view data, std::string_view id_token);

    /// Ends a message that was submitted: its sender gets the status, whatever fails. A null `error` means success.
    void finish(const envelope_view& message, const wire::status_error* error) noexcept {
        outcomes_.finish(message, error);
    }

private:
    /// The commands of one frame while they are executed.
    struct execution {
        command_source& source;
        const wire::handler_frame& frame;
        envelope_view message;                    ///< empty in a push
        const std::uint64_t* answered = nullptr;  ///< the id of the answer's message; null in a push
        std::size_t index = 0;                    ///< index of the command that is being executed
        const wire::command* passing =
            nullptr;  ///< the sendHandler command that passes the message on, after all others
        wire::error_code first_error = wire::error_code::none;
        std::string first_reason{};
        std::string_view from_server{};  ///< the server that sent the command; empty if a handler of this one did
        std::uint64_t ref = 0;           ///< that server's number for the result; 0: it wants none
    };
    bool run_commands(execution& run, command_progress& progress);
    void run(execution& run, const wire::command& command);
    // One function for each command, named like its kind.
#define BESTER_COMMAND(kind, name, recipients, target, delivers) \
    void kind(execution& run, const wire::command& command);
    BESTER_COMMANDS(BESTER_COMMAND)
#undef BESTER_COMMAND
    void change_membership(execution& run, const wire::command& command, bool is_join);
    /// Gives the message, or the data of a push, to another handler; returns whether that took it.
    bool pass_on(execution& run, const wire::command& command);
    void refuse_distant(execution& run);
    static std::string_view sender_of(const execution& run);
    void reply_to_server(execution& run, const wire::command& command);
    void deliver_to_servers(execution& run, const wire::command& command, reach& reached, std::string_view type_token);
    bool may_send(execution& run, const wire::command& command, reach& reached, std::string_view server,
                  std::string_view type_token, std::string_view user);

    bool is_permitted(execution& run, const wire::command& command);
    bool may_address(execution& run, const wire::command& command, reach& reached, std::string_view recipient);
    /// Refuses the whole command: the `refused` frame takes the place of its report.
    void refuse(execution& run, wire::error_code code, std::string_view reason);
    /// Refuses a part of the command; its report is sent as well.
    void refuse_part(execution& run, wire::error_code code, std::string_view reason);
    void tell_refusal(execution& run, wire::error_code code, std::string_view reason, std::string_view report);
    bool collect_targets(execution& run, const wire::command& command, reach& reached);
    void deliver_to_targets(execution& run, const wire::command& command, reach& reached, std::string_view type_token);
    acknowledgement expect(execution& run, const wire::command& command, reach& reached);
    /// `missed` lists the sessions that were named and not reached; `code` says why.
    static void report_back(shard& from, const acknowledgement& to, std::uint64_t delivered,
                            std::vector<session_id> missed = {},
                            wire::error_code code = wire::error_code::recipient_offline);
    static void report_back(shard& from, const acknowledgement& to, partial_outcome&& outcome);
    /// Runs `work` on another shard; `work` reports back as its last step. If it throws, the failure is reported
    /// instead, with all `sessions` as not reached. `Shard` is shard, which is not complete here.
    template <class Shard, class Work>
    static void run_for(Shard& here, const acknowledgement& to, std::span<const session_id> sessions, Work&& work) {
        if (!here.guarded("another shard's command", work)) report_failure(here, to, sessions);
    }
    static void report_failure(shard& from, const acknowledgement& to, std::span<const session_id> sessions) noexcept;
    void complete(execution& run, const wire::command& command, reach& reached);
    static report_target report_of(const execution& run, const wire::command& command) noexcept;
    static void missed(const wire::command& command, reach& reached, std::string_view recipient, wire::error_code code);
    std::string_view type_of(execution& run, const wire::command& command);
    void mark_excepted(execution& run, const wire::command& command);

    bool has_room(session& to, bool is_from_server);
    /// The result of a delivery to one session: delivered, not delivered, or no room for another server's message.
    enum class handed : std::uint8_t { over, no, no_room };
    handed hand_over(session& to, const payload& frame, bool is_from_server);
    template <class ForEachMember>
    std::uint64_t deliver_all(const payload& frame, const std::vector<session_id>& except, bool is_from_server,
                              ForEachMember&& members);

    shard& shard_;
    pending_outcomes outcomes_;
    // State of the command that is being executed; members, so that their memory is used again.
    std::vector<session_id> targets_;                                     ///< recipients on this server, sorted
    std::vector<session_id> except_;                                      ///< sessions that get nothing, sorted
    std::vector<std::pair<std::string_view, std::string_view>> distant_;  ///< server and user of other recipients
    std::vector<std::string_view> distant_users_;                         ///< users of one of the servers
    wire::handler_frame remote_frame_;                                    ///< a command that another server sent
    std::vector<session_id> parsed_;
    bool is_everybody_ = false;
};

}  // namespace bester::exchange
