#include "exchange/executor.hpp"

#include <algorithm>
#include <chrono>

#include "exchange/session.hpp"
#include "exchange/shard.hpp"
#include "wire/counted.hpp"
#include "wire/names.hpp"

namespace bester::exchange {

namespace {

/// The longest time that a frame of a handler is executed without others having their turn, but for one command.
constexpr std::chrono::milliseconds part_of_turn{2};

}  // namespace

using wire::command;
using wire::command_kind;
using wire::command_target;
using wire::error_code;

bool executor::answer(command_source& source, const envelope_view& message, const wire::handler_frame& frame,
                      command_progress& progress) {
    // By far the most common answer is one reply without a report.
    execution run{source, frame, message, &frame.id};
    bool is_passed_on = false;
    try {
        if (!run_commands(run, progress)) return false;
        // Executed last, so that the message takes along everything that its status waits for.
        if (run.passing) {
            run.index = static_cast<std::size_t>(run.passing - frame.commands.data());
            is_passed_on = pass_on(run, *run.passing);
        }
    } catch (...) {
        // The exception ends the channel, which ends the message.
        outcomes_.forget(run.message.pending);
        throw;
    }
    if (is_passed_on) return true;
    if (frame.has_error) {
        const wire::status_error error{frame.error_code, frame.error_reason, frame.error_is_temporary};
        finish(run.message, &error);
    } else if (run.first_error != error_code::none) {
        const auto error = wire::as_status_error(run.first_error, run.first_reason);
        finish(run.message, &error);
    } else {
        finish(run.message, nullptr);
    }
    return true;
}

bool executor::push(command_source& source, const wire::handler_frame& frame, command_progress& progress) {
    execution run{source, frame, {}};
    return run_commands(run, progress);
}

/// Executes commands from where `progress` says, for a part of a turn; returns whether all have been executed.
bool executor::run_commands(execution& frame_run, command_progress& progress) {
    using clock = std::chrono::steady_clock;
    constexpr std::size_t between_looks = 4;
    const auto& commands = frame_run.frame.commands;
    if (progress.has_begun()) {
        frame_run.message.addressed = progress.addressed;
        frame_run.message.delivered = progress.delivered;
        frame_run.message.pending = progress.pending;
        frame_run.first_error = progress.first_error;
        frame_run.first_reason.swap(progress.first_reason);
        if (progress.passing > 0) frame_run.passing = &commands[progress.passing - 1];
    }
    const bool may_take_long = commands.size() - progress.next > between_looks;
    const auto until = may_take_long ? clock::now() + part_of_turn : clock::time_point{};
    for (frame_run.index = progress.next; frame_run.index < commands.size(); ++frame_run.index) {
        const std::size_t done = frame_run.index - progress.next;
        if (may_take_long && done > 0 && done % between_looks == 0 && clock::now() >= until) {
            shard_.count(counter::commands, done);
            progress.next = frame_run.index;
            progress.addressed = frame_run.message.addressed;
            progress.delivered = frame_run.message.delivered;
            progress.pending = frame_run.message.pending;
            progress.first_error = frame_run.first_error;
            progress.first_reason.swap(frame_run.first_reason);
            if (frame_run.passing) progress.passing = static_cast<std::size_t>(frame_run.passing - commands.data()) + 1;
            return false;
        }
        run(frame_run, commands[frame_run.index]);
    }
    shard_.count(counter::commands, commands.size() - progress.next);
    return true;
}

void executor::run(execution& run, const command& c) {
    if (c.is_malformed) return refuse(run, error_code::bad_command, "a field is missing or of a wrong kind");
    if (run.source.rights() && !is_permitted(run, c)) return;
    switch (c.kind) {
#define BESTER_COMMAND(kind, name, recipients, target, delivers) \
    case command_kind::kind: return kind(run, c);
        BESTER_COMMANDS(BESTER_COMMAND)
#undef BESTER_COMMAND
        case command_kind::unknown: {
            std::string reason = "there is no command \"";
            return refuse(run, error_code::unknown_command, reason.append(c.name.substr(0, 64)) + '"');
        }
    }
}

/// Returns whether the handler may give this command; recipients are checked one by one later.
bool executor::is_permitted(execution& run, const command& c) {
    const command_rights& rights = *run.source.rights();
    if (!run.source.take_command(shard_.now_ms())) {
        refuse(run, error_code::rate_limited,
               "the handler may give " + wire::counted(rights.rate, "command") + " a second (`may.rate`)");
        return false;
    }
    const auto forbid = [&](std::string_view what, std::string_view key) {
        std::string reason{what.substr(0, 64)};
        refuse(run, error_code::command_forbidden,
               reason.append(" is not among the handler's `may.").append(key) + '`');
        return false;
    };
    if (!command_rights::lets(rights.commands, c.name)) return forbid(c.name, "commands");
    const command_target target = wire::facts_of(c.kind).target;
    if (target == command_target::group && !command_rights::lets(rights.groups, c.target))
        return forbid(c.target, "groups");
    if (target == command_target::handler && !command_rights::lets(rights.handlers, c.target))
        return forbid(c.target, "handlers");
    return true;
}

void executor::refuse(execution& run, error_code code, std::string_view reason) {
    const auto& given = run.frame.commands;
    tell_refusal(run, code, reason, run.index < given.size() ? given[run.index].report : std::string_view{});
}

void executor::refuse_part(execution& run, error_code code, std::string_view reason) {
    tell_refusal(run, code, reason, {});
}

void executor::tell_refusal(execution& run, error_code code, std::string_view reason, std::string_view report) {
    shard_.count(counter::commands_refused);
    run.source.notify(wire::refused_frame(run.answered, run.index, code, reason, report));
    if (run.first_error != error_code::none) return;
    run.first_error = code;
    run.first_reason = reason;
}

/// Returns the type to deliver with: the command's, or the message's; empty if there is neither.
std::string_view executor::type_of(execution& run, const command& c) {
    if (!c.type_token.empty()) return c.type_token;
    if (run.message.type_token.empty())
        refuse(run, error_code::bad_command, "in a push, a command that delivers must give a type");
    return run.message.type_token;
}

void executor::reply(execution& run, const command& c) {
    if (!run.answered) return refuse(run, error_code::no_sender, "a push answers nobody");
    if (!run.message.remote.empty()) return reply_to_server(run, c);
    if (!run.message.origin) return refuse(run, error_code::no_sender, "a handler sent this message, not a client");
    reach reached{outcomes_};
    session* const sender = shard_.sessions().find(run.message.origin);
    if (sender && sender->deliver(type_of(run, c), c.data, run.message.id_token)) {
        shard_.count(counter::deliveries);
        reached.delivered = 1;
    }
    if (!c.report.empty()) {
        if (reached.delivered == 0) missed(c, reached, run.message.origin.text(), error_code::recipient_offline);
        complete(run, c, reached);
    }
}

void executor::send_handler(execution& run, const command& c) {
    if (run.passing) return refuse(run, error_code::bad_command, "an answer passes its message on once");
    if (run.frame.has_error && run.answered)
        return refuse(run, error_code::bad_command, "an answer with an error does not pass its message on");
    if (run.answered) run.passing = &c;
    else pass_on(run, c);
}

bool executor::pass_on(execution& run, const command& c) {
    const auto refused = [&](error_code code, std::string_view reason) {
        refuse(run, code, reason);
        return false;
    };
    if (run.message.hops + 1u >= shard_.limits().hops)
        return refused(error_code::too_many_hops, wire::describe(error_code::too_many_hops).meaning);
    handler_port* const port = shard_.routes().named(c.target);
    if (!port) {
        std::string reason = "there is no handler \"";
        return refused(error_code::handler_unknown, reason.append(c.target.substr(0, 64)) + '"');
    }
    const std::string_view type_token = type_of(run, c);
    if (type_token.empty()) return false;
    envelope_view next = run.message;
    if (!run.answered) next.user = run.source.handler();
    next.type_token = type_token;
    if (!c.key_token.empty()) {
        next.key_token = c.key_hash != 0 ? c.key_token : std::string_view{};
        next.key_hash = c.key_hash;
    }
    ++next.hops;
    const std::string_view type = type_token.substr(1, type_token.size() - 2);
    const submit_result result = port->submit(next, type, c.data);
    if (result.what == submit_result::outcome::refused)
        return refused(result.error, wire::describe(result.error).meaning);
    reach reached{outcomes_};
    complete(run, c, reached);
    return true;
}

/// Registers a part that another shard or server executes. Membership and disconnect do not hold up the status.
acknowledgement executor::expect(execution& run, const command& c, reach& reached) {
    return outcomes_.expect(wire::facts_of(c.kind).delivers ? &run.message : nullptr, report_of(run, c), reached);
}

/// Reports from another shard what was reached to the shard that asked, if it wants to know.
void executor::report_back(shard& from, const acknowledgement& to, std::uint64_t delivered,
                           std::vector<session_id> missed, error_code code) {
    if (!to.is_wanted()) return;
    from.post_to(to.shard, [to, delivered, missed = std::move(missed), code](shard& back) {
        back.commands().outcomes_.arrived(to, delivered, missed, code);
    });
}

void executor::report_back(shard& from, const acknowledgement& to, partial_outcome&& outcome) {
    if (!to.is_wanted()) return;
    auto given = std::make_unique<partial_outcome>(std::move(outcome));
    from.post_to(to.shard,
                 [to, given = std::move(given)](shard& back) { back.commands().outcomes_.arrived(to, *given); });
}

void executor::report_failure(shard& from, const acknowledgement& to, std::span<const session_id> sessions) noexcept {
    if (!to.is_wanted()) return;
    std::vector<session_id> missed;
    from.guarded("the sessions that a command missed", [&] { missed.assign(sessions.begin(), sessions.end()); });
    from.post_reply(to.shard, [to, missed = std::move(missed)](shard& back) {
        const auto error = wire::as_status_error(error_code::internal_error);
        partial_outcome outcome;
        outcome.error_code = error.code;
        outcome.is_temporary = error.temporary;
        back.guarded("the sessions that a command missed", [&] {
            outcome.error_reason = error.reason;
            if (to.report == 0) return;
            for (const session_id id : missed) outcome.missed.push_back({std::string{id.text()}, outcome.error_code});
        });
        back.commands().outcomes_.arrived(to, outcome);
    });
}

/// Ends this shard's part of the command.
void executor::complete(execution& run, const command& c, reach& reached) {
    if (wire::facts_of(c.kind).delivers) run.message.delivered += reached.delivered;
    if (!c.report.empty() || run.ref != 0) outcomes_.complete(report_of(run, c), reached);
}

report_target executor::report_of(const execution& run, const command& c) noexcept {
    return {run.source.source_id(), c.report, run.from_server, run.ref};
}

void executor::missed(const command& c, reach& reached, std::string_view recipient, error_code code) {
    if (!c.report.empty())
        reached.missed.push_back({std::string{recipient.substr(0, 256)}, std::string{wire::describe(code).text}});
}

}  // namespace bester::exchange
