#include "exchange/executor.hpp"

#include <algorithm>

#include "exchange/session.hpp"
#include "exchange/shard.hpp"
#include "wire/names.hpp"

namespace bester::exchange {

using wire::command;
using wire::command_kind;
using wire::error_code;

void executor::answer(command_source& source, const envelope_view& message, const wire::handler_frame& frame) {
    // The common answer by far: one reply, no report.
    execution run{source, frame, message, &frame.id, 0, false, error_code::none, {}};
    run_commands(run);
    if (run.is_passed_on) return;
    if (frame.has_error) {
        const wire::status_error error{frame.error_code, frame.error_reason, frame.error_is_temporary};
        finish(run.message, &error);
    } else if (run.first_error != error_code::none) {
        const auto error = wire::as_status_error(run.first_error, run.first_reason);
        finish(run.message, &error);
    } else {
        finish(run.message, nullptr);
    }
}

void executor::push(command_source& source, const wire::handler_frame& frame) {
    execution run{source, frame, {}, nullptr, 0, false, error_code::none, {}};
    run_commands(run);
}

void executor::run_commands(execution& frame_run) {
    for (const command& c : frame_run.frame.commands) {
        run(frame_run, c);
        ++frame_run.index;
    }
    shard_.count(counter::commands, frame_run.frame.commands.size());
}

void executor::run(execution& run, const command& c) {
    if (c.is_malformed) return refuse(run, error_code::bad_command, "a field is missing or of a wrong kind");
    switch (c.kind) {
        case command_kind::reply: return reply(run, c);
        case command_kind::send_clients: return send_clients(run, c);
        case command_kind::send_group: return send_group(run, c);
        case command_kind::join:
        case command_kind::leave: return change_membership(run, c);
        case command_kind::send_handler: return send_handler(run, c);
        case command_kind::send_servers: return send_servers(run, c);
        case command_kind::disconnect: return disconnect(run, c);
        case command_kind::unknown: {
            std::string reason = "there is no command \"";
            return refuse(run, error_code::unknown_command, reason.append(c.name.substr(0, 64)) + '"');
        }
    }
}

void executor::refuse(execution& run, error_code code, std::string_view reason) {
    shard_.count(counter::commands_refused);
    run.source.notify(wire::refused_frame(run.answered, run.index, code, reason));
    if (run.first_error != error_code::none) return;
    run.first_error = code;
    run.first_reason = reason;
}

/// The type to deliver with: the command's, or that of the message; empty if there is neither.
std::string_view executor::type_of(execution& run, const command& c) {
    if (!c.type_token.empty()) return c.type_token;
    if (run.message.type_token.empty())
        refuse(run, error_code::bad_command, "in a push, a command that delivers must give a type");
    return run.message.type_token;
}

void executor::reply(execution& run, const command& c) {
    if (!run.answered) return refuse(run, error_code::no_sender, "a push answers nobody");
    if (!run.message.origin) return refuse(run, error_code::no_sender, "a handler sent this message, not a client");
    reach reached;
    session* const sender = shard_.sessions().find(run.message.origin);
    if (sender && sender->deliver(type_of(run, c), c.data, run.message.id_token)) {
        shard_.count(counter::deliveries);
        reached.delivered = 1;
    }
    if (!c.report.empty()) {
        if (reached.delivered == 0)
            reached.failed.emplace_back(run.message.origin.text(), error_code::recipient_offline);
        complete(run, c, reached);
    }
}

void executor::send_clients(execution& run, const command& c) {
    const std::string_view type_token = type_of(run, c);
    if (type_token.empty()) return;
    reach reached;
    if (!collect_targets(run, c, reached)) return;
    run.message.addressed = true;
    deliver_to_targets(run, c, reached, type_token);
    complete(run, c, reached);
}

/// Fills targets_ (sorted, each once) from a command's users and sessions. False if it was refused.
bool executor::collect_targets(execution& run, const command& c, reach& reached) {
    targets_.clear();
    is_everybody_ = false;
    const auto& strings = run.frame.strings;
    const std::size_t named = std::size_t{c.users.count} + c.sessions.count;
    if (named > run.source.most_recipients()) {
        refuse(run, error_code::too_many_recipients,
               std::to_string(named) + " are named, " + std::to_string(run.source.most_recipients()) +
                   " are allowed (the handler's `recipients`)");
        return false;
    }
    for (std::uint32_t i = 0; i < c.users.count; ++i) {
        std::string_view user = strings[c.users.begin + i];
        if (user == "*") {
            is_everybody_ = true;
            continue;
        }
        if (const std::size_t at = user.rfind('@'); at != std::string_view::npos) {
            if (user.substr(at + 1) != shard_.settings().server_name) {
                refuse(run, error_code::peer_unknown,
                       "there is no peer server \"" + std::string{user.substr(at + 1, 64)} + '"');
                reached.failed.emplace_back(user, error_code::peer_unknown);
                continue;
            }
            user = user.substr(0, at);
        }
        if (shard_.users().find(user, targets_) == 0)
            reached.failed.emplace_back(user, error_code::recipient_offline);
    }
    for (std::uint32_t i = 0; i < c.sessions.count; ++i) {
        const std::string_view text = strings[c.sessions.begin + i];
        const auto id = session_id::parse(text);
        if (id && id->shard() < shard_.settings().shards) targets_.push_back(*id);
        else reached.failed.emplace_back(text.substr(0, 64), error_code::recipient_offline);
    }
    if (targets_.size() > 1) {
        std::sort(targets_.begin(), targets_.end());
        targets_.erase(std::unique(targets_.begin(), targets_.end()), targets_.end());
    }
    mark_excepted(run, c);
    if (!except_.empty())
        std::erase_if(targets_, [&](session_id id) { return std::binary_search(except_.begin(), except_.end(), id); });
    return true;
}

/// Fills except_, sorted.
void executor::mark_excepted(execution& run, const command& c) {
    except_.clear();
    for (std::uint32_t i = 0; i < c.except.count; ++i)
        if (const auto id = session_id::parse(run.frame.strings[c.except.begin + i])) except_.push_back(*id);
    std::sort(except_.begin(), except_.end());
}

namespace {

payload make_delivery(std::string_view type_token, std::string_view data) {
    payload frame = payload::of_size(wire::delivery_size(type_token, data, {}));
    wire::write_delivery(frame.data(), type_token, data, {});
    return frame;
}

}  // namespace

template <class ForEachMember>
std::uint64_t executor::deliver_all(const payload& frame, const std::vector<session_id>& except,
                                    ForEachMember&& members) {
    std::uint64_t delivered = 0;
    members([&](session& member) {
        if (!except.empty() && std::binary_search(except.begin(), except.end(), member.id())) return;
        if (member.deliver(frame)) ++delivered;
    });
    shard_.count(counter::deliveries, delivered);
    return delivered;
}

void executor::deliver_to_targets(execution& run, const command& c, reach& reached, std::string_view type_token) {
    if (is_everybody_) {
        const payload frame = make_delivery(type_token, c.data);
        reached.delivered +=
            deliver_all(frame, except_, [&](auto&& each) { shard_.sessions().for_each(each); });
        for (unsigned s = 0; s < shard_.settings().shards; ++s) {
            if (s == shard_.index()) continue;
            const acknowledgement to = expect(run, c, reached);
            shard_.post_to(s, [frame, except = except_, to](shard& there) {
                const auto delivered = there.commands().deliver_all(
                    frame, except, [&](auto&& each) { there.sessions().for_each(each); });
                report_back(there, to, delivered);
            });
        }
        return;
    }
    if (targets_.size() == 1 && targets_[0].shard() == shard_.index()) {
        session* const only = shard_.sessions().find(targets_[0]);
        if (only && only->deliver(type_token, c.data, {})) {
            reached.delivered = 1;
            shard_.count(counter::deliveries);
        } else {
            reached.failed.emplace_back(targets_[0].text(), error_code::recipient_offline);
        }
        return;
    }
    if (targets_.empty()) return;
    const payload frame = make_delivery(type_token, c.data);
    for (unsigned s = 0; s < shard_.settings().shards; ++s) {
        std::vector<session_id> there;
        for (const session_id id : targets_) {
            if (id.shard() != s) continue;
            if (s != shard_.index()) {
                there.push_back(id);
            } else if (session* const local = shard_.sessions().find(id); local && local->deliver(frame)) {
                ++reached.delivered;
                shard_.count(counter::deliveries);
            } else {
                reached.failed.emplace_back(id.text(), error_code::recipient_offline);
            }
        }
        if (there.empty()) continue;
        const acknowledgement to = expect(run, c, reached);
        shard_.post_to(s, [frame, ids = std::move(there), to](shard& target) {
            std::uint64_t delivered = 0;
            std::vector<session_id> missed;
            for (const session_id id : ids) {
                session* const found = target.sessions().find(id);
                if (found && found->deliver(frame)) ++delivered;
                else missed.push_back(id);
            }
            target.count(counter::deliveries, delivered);
            report_back(target, to, delivered, std::move(missed));
        });
    }
}

void executor::send_group(execution& run, const command& c) {
    const std::string_view type_token = type_of(run, c);
    if (type_token.empty()) return;
    run.message.addressed = true;
    mark_excepted(run, c);
    const payload frame = make_delivery(type_token, c.data);
    reach reached;
    if (const group* const in = shard_.groups().find(run.source.handler(), c.target)) {
        reached.delivered = deliver_all(frame, except_, [&](auto&& each) {
            for (session* member : in->members()) each(*member);
        });
    }
    for (unsigned s = 0; s < shard_.settings().shards; ++s) {
        if (s == shard_.index()) continue;
        const acknowledgement to = expect(run, c, reached);
        // Handler and group in one string, to stay within a task's room.
        std::string key = run.source.handler() + '\0' + std::string{c.target};
        auto details = std::make_unique<std::pair<std::string, std::vector<session_id>>>(std::move(key), except_);
        shard_.post_to(s, [frame, details = std::move(details), to](shard& there) {
            const std::size_t cut = details->first.find('\0');
            const std::string_view key_text = details->first;
            const group* const in = there.groups().find(key_text.substr(0, cut), key_text.substr(cut + 1));
            std::uint64_t delivered = 0;
            if (in) {
                delivered = there.commands().deliver_all(frame, details->second, [&](auto&& each) {
                    for (session* member : in->members()) each(*member);
                });
            }
            report_back(there, to, delivered);
        });
    }
    complete(run, c, reached);
}

void executor::change_membership(execution& run, const command& c) {
    const bool is_join = c.kind == command_kind::join;
    targets_.clear();
    is_everybody_ = false;
    reach reached;
    if (!c.has_targets) {
        if (!run.message.origin) return refuse(run, error_code::no_sender, "a push must name the sessions");
        targets_.push_back(run.message.origin);
    } else if (!collect_targets(run, c, reached)) {
        return;
    }
    if (is_everybody_) return refuse(run, error_code::bad_command, "\"*\" cannot join or leave");
    for (const session_id id : targets_) {
        if (id.shard() == shard_.index()) {
            session* const who = shard_.sessions().find(id);
            if (!who) {
                reached.failed.emplace_back(id.text(), error_code::recipient_offline);
            } else if (!is_join) {
                shard_.groups().leave(run.source.handler(), c.target, *who);
                ++reached.delivered;
            } else if (shard_.groups().join(run.source.handler(), c.target, *who)) {
                ++reached.delivered;
            } else {
                refuse(run, error_code::bad_command, "the session is in 1,000 groups already");
            }
            continue;
        }
        const acknowledgement to = expect(run, c, reached);
        auto names = std::make_unique<std::pair<std::string, std::string>>(run.source.handler(), c.target);
        shard_.post_to(id.shard(), [id, is_join, names = std::move(names), to](shard& there) {
            std::uint64_t changed = 0;
            if (session* const who = there.sessions().find(id)) {
                changed = 1;
                if (!is_join) there.groups().leave(names->first, names->second, *who);
                else if (!there.groups().join(names->first, names->second, *who)) changed = 0;
            }
            report_back(there, to, changed, changed ? std::vector<session_id>{} : std::vector<session_id>{id});
        });
    }
    complete(run, c, reached);
}

void executor::send_handler(execution& run, const command& c) {
    if (run.is_passed_on) return refuse(run, error_code::bad_command, "an answer passes its message on once");
    if (run.frame.has_error && run.answered)
        return refuse(run, error_code::bad_command, "an answer with an error does not pass its message on");
    if (run.message.hops + 1u >= most_hops) return refuse(run, error_code::too_many_hops, "");
    handler_port* const port = shard_.routes().named(c.target);
    if (!port) {
        std::string reason = "there is no handler \"";
        return refuse(run, error_code::handler_unknown, reason.append(c.target.substr(0, 64)) + '"');
    }
    const std::string_view type_token = type_of(run, c);
    if (type_token.empty()) return;
    envelope_view next = run.message;
    if (!run.answered) next.user = run.source.handler();
    next.type_token = type_token;
    ++next.hops;
    const std::string_view type = type_token.substr(1, type_token.size() - 2);
    const submit_result result = port->submit(next, type, c.data);
    if (result.what == submit_result::outcome::refused)
        return refuse(run, result.error, wire::describe(result.error).meaning);
    run.is_passed_on = run.answered != nullptr;
    reach reached;
    complete(run, c, reached);
}

void executor::send_servers(execution& run, const command& c) {
    if (type_of(run, c).empty()) return;
    reach reached;
    for (std::uint32_t i = 0; i < c.servers.count; ++i) {
        const std::string_view server = run.frame.strings[c.servers.begin + i];
        if (server == "*") continue;
        reached.failed.emplace_back(server.substr(0, 64), error_code::peer_unknown);
        refuse(run, error_code::peer_unknown, "there is no peer server \"" + std::string{server.substr(0, 64)} + '"');
    }
    complete(run, c, reached);
}

void executor::disconnect(execution& run, const command& c) {
    reach reached;
    if (!collect_targets(run, c, reached)) return;
    if (is_everybody_) return refuse(run, error_code::bad_command, "\"*\" cannot be disconnected");
    for (const session_id id : targets_) {
        if (id.shard() == shard_.index()) {
            if (session* const who = shard_.sessions().find(id)) {
                who->disconnect(c.reason.empty() ? wire::as_status_error(error_code::disconnected)
                                                 : wire::as_status_error(error_code::disconnected, c.reason));
                ++reached.delivered;
            } else {
                reached.failed.emplace_back(id.text(), error_code::recipient_offline);
            }
            continue;
        }
        const acknowledgement to = expect(run, c, reached);
        shard_.post_to(id.shard(), [id, reason = std::string{c.reason}, to](shard& there) {
            std::uint64_t closed = 0;
            if (session* const who = there.sessions().find(id)) {
                who->disconnect(reason.empty() ? wire::as_status_error(error_code::disconnected)
                                               : wire::as_status_error(error_code::disconnected, reason));
                closed = 1;
            }
            report_back(there, to, closed, closed ? std::vector<session_id>{} : std::vector<session_id>{id});
        });
    }
    complete(run, c, reached);
}

/// Notes that another shard will say what it reached, and where its answer must go. Membership and
/// disconnect do not hold up the status.
executor::acknowledgement executor::expect(execution& run, const command& c, reach& reached) {
    acknowledgement to{shard_.index(), 0, 0};
    const bool delivers = c.kind == command_kind::send_clients || c.kind == command_kind::send_group;
    if (delivers && run.message.origin && !run.message.id_token.empty()) {
        if (run.message.pending == 0) run.message.pending = ++last_pending_;
        ++statuses_[run.message.pending].waiting;
        to.status = run.message.pending;
    }
    if (!c.report.empty() && run.source.source_id() != 0) {
        if (reached.report == 0) {
            reached.report = ++last_pending_;
            pending_report& made = reports_[reached.report];
            made.source = run.source.source_id();
            made.tag = c.report;
        }
        ++reports_[reached.report].waiting;
        to.report = reached.report;
    }
    return to;
}

/// On another shard: tells the one that asked what was reached, if it wants to know.
void executor::report_back(shard& from, const acknowledgement& to, std::uint64_t delivered,
                           std::vector<session_id> missed) {
    if (to.status == 0 && to.report == 0) return;
    from.post_to(to.shard, [to, delivered, missed = std::move(missed)](shard& back) {
        back.commands().acknowledged(to, delivered, missed);
    });
}

void executor::acknowledged(const acknowledgement& to, std::uint64_t delivered,
                            const std::vector<session_id>& missed) {
    if (const auto found = reports_.find(to.report); found != reports_.end()) {
        pending_report& pending = found->second;
        pending.delivered += delivered;
        for (const session_id id : missed) pending.failed.emplace_back(id.text(), error_code::recipient_offline);
        if (--pending.waiting == 0) {
            send_report(pending.source, pending.tag, pending.delivered, pending.failed);
            reports_.erase(found);
        }
    }
    if (const auto found = statuses_.find(to.status); found != statuses_.end()) {
        pending_status& pending = found->second;
        pending.delivered += delivered;
        if (--pending.waiting > 0 || !pending.is_finished) return;
        envelope_view message = view_of(pending.message);
        message.delivered += pending.delivered;
        const wire::status_error error{pending.code, pending.reason, pending.is_temporary};
        tell_sender(message, pending.is_bad ? &error : nullptr);
        statuses_.erase(found);
    }
}

/// The command is done as far as this shard is concerned.
void executor::complete(execution& run, const command& c, reach& reached) {
    run.message.delivered += reached.delivered;
    if (c.report.empty()) return;
    if (reached.report == 0) {
        send_report(run.source.source_id(), c.report, reached.delivered, reached.failed);
        return;
    }
    pending_report& pending = reports_[reached.report];
    pending.delivered += reached.delivered;
    pending.failed = std::move(reached.failed);
}

void executor::send_report(std::uint64_t source, std::string_view tag, std::uint64_t delivered,
                           const std::vector<std::pair<std::string, error_code>>& failed) {
    constexpr std::size_t most_listed = 100;
    command_source* const to = shard_.find_source(source);
    if (!to) return;
    std::string body = R"({"kind":"report","report":)";
    body.append(tag).append(R"(,"delivered":)").append(std::to_string(delivered)).append(R"(,"failed":[)");
    for (std::size_t i = 0; i < std::min(failed.size(), most_listed); ++i) {
        if (i > 0) body += ',';
        body += R"({"recipient":)";
        wire::append_quoted(body, failed[i].first);
        body += R"(,"code":)";
        wire::append_quoted(body, wire::describe(failed[i].second).text);
        body += '}';
    }
    body += failed.size() > most_listed ? R"(],"more":true})" : "]}";
    to->notify(wire::make_frame(body));
}

void executor::finish(const envelope_view& message, const wire::status_error* error) {
    if (message.pending != 0) {
        const auto found = statuses_.find(message.pending);
        if (found != statuses_.end() && found->second.waiting > 0) {
            pending_status& pending = found->second;
            pending.is_finished = true;
            pending.message.assign(message);
            if (error) {
                pending.is_bad = true;
                pending.code = error->code;
                pending.reason = error->reason;
                pending.is_temporary = error->temporary;
            }
            return;
        }
        if (found != statuses_.end()) {
            envelope_view counted = message;
            counted.delivered += found->second.delivered;
            statuses_.erase(found);
            return tell_sender(counted, error);
        }
    }
    tell_sender(message, error);
}

void executor::tell_sender(const envelope_view& message, const wire::status_error* error) {
    if (session* const sender = shard_.sessions().find(message.origin)) sender->message_done(message, error);
}

}  // namespace bester::exchange
