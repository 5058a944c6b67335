// Commands that deliver: sendClients and sendGroup.
#include "exchange/executor.hpp"

#include <algorithm>
#include <memory>

#include "exchange/session.hpp"
#include "exchange/shard.hpp"
#include "wire/counted.hpp"

namespace bester::exchange {

using wire::command;
using wire::error_code;

void executor::send_clients(execution& run, const command& c) {
    const std::string_view type_token = type_of(run, c);
    if (type_token.empty()) return;
    reach reached{outcomes_};
    if (!collect_targets(run, c, reached)) return;
    run.message.addressed = true;
    if (!distant_.empty()) deliver_to_servers(run, c, reached, type_token);
    deliver_to_targets(run, c, reached, type_token);
    complete(run, c, reached);
}

/// Fills targets_ (sorted, each once) and distant_ from a command's users and sessions. Returns false if the command
/// was refused.
bool executor::collect_targets(execution& run, const command& c, reach& reached) {
    targets_.clear();
    distant_.clear();
    is_everybody_ = false;
    const auto& strings = run.frame.strings;
    const std::size_t named = std::size_t{c.users.count} + c.sessions.count;
    if (named > run.source.most_recipients()) {
        refuse(run, error_code::too_many_recipients,
               "the command names " + wire::counted(named, "recipient") + "; the handler's `recipients` allows " +
                   std::to_string(run.source.most_recipients()));
        return false;
    }
    for (std::uint32_t i = 0; i < c.users.count; ++i) {
        std::string_view user = strings[c.users.begin + i];
        const std::size_t at = user.rfind('@');
        const bool is_named_here = at != std::string_view::npos && user.substr(at + 1) == shard_.settings().server_name;
        // The right to address some users of this server does not include addressing everybody.
        if (is_named_here && user.substr(0, at) == "*") user = "*";
        if (run.source.rights() && !may_address(run, c, reached, user)) continue;
        if (user == "*") {
            is_everybody_ = true;
            continue;
        }
        if (at != std::string_view::npos) {
            if (!is_named_here) {
                distant_.emplace_back(user.substr(at + 1), user.substr(0, at));
                continue;
            }
            user = user.substr(0, at);
        }
        if (shard_.users().find(user, targets_) == 0) missed(c, reached, user, error_code::recipient_offline);
    }
    for (std::uint32_t i = 0; i < c.sessions.count; ++i) {
        const std::string_view text = strings[c.sessions.begin + i];
        const auto id = session_id::parse(text);
        // The session's user may be known to another shard only, so naming a session needs the right to address
        // everybody.
        const bool is_sender = id && *id == run.message.origin;
        if (run.source.rights() && !is_sender && !may_address(run, c, reached, "*")) continue;
        if (id && id->shard() < shard_.settings().shards) targets_.push_back(*id);
        else missed(c, reached, text.substr(0, 64), error_code::recipient_offline);
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

/// Returns whether the handler may address this recipient; if not, refuses that part of the command.
bool executor::may_address(execution& run, const command& c, reach& reached, std::string_view recipient) {
    if (command_rights::lets(run.source.rights()->users, recipient)) return true;
    std::string reason{recipient.substr(0, 128)};
    refuse_part(run, error_code::command_forbidden, reason.append(" is not among the handler's `may.users`"));
    missed(c, reached, recipient, run.from_server.empty() ? error_code::command_forbidden : error_code::peer_refused);
    return false;
}

/// Fills except_, sorted.
void executor::mark_excepted(execution& run, const command& c) {
    except_.clear();
    for (std::uint32_t i = 0; i < c.except.count; ++i)
        if (const auto id = session_id::parse(run.frame.strings[c.except.begin + i])) except_.push_back(*id);
    std::sort(except_.begin(), except_.end());
}

namespace {

/// Names are listed only if a report is wanted.
void note_missed(const acknowledgement& to, partial_outcome& outcome, std::string_view recipient, error_code code) {
    if (to.report != 0) outcome.missed.push_back({std::string{recipient}, std::string{wire::describe(code).text}});
}

payload make_delivery(std::string_view type_token, std::string_view data) {
    payload frame = payload::of_size(wire::delivery_size(type_token, data, {}));
    wire::write_delivery(frame.data(), type_token, data, {});
    return frame;
}

}  // namespace

bool executor::has_room(session& to, bool is_from_server) {
    if (!is_from_server || to.takes_from_servers()) return true;
    shard_.count(counter::peer_deliveries_refused);
    return false;
}

executor::handed executor::hand_over(session& to, const payload& frame, bool is_from_server) {
    if (!has_room(to, is_from_server)) return handed::no_room;
    return to.deliver(frame) ? handed::over : handed::no;
}

template <class ForEachMember>
std::uint64_t executor::deliver_all(const payload& frame, const std::vector<session_id>& except, bool is_from_server,
                                    ForEachMember&& members) {
    std::uint64_t delivered = 0;
    members([&](session& member) {
        if (!except.empty() && std::binary_search(except.begin(), except.end(), member.id())) return;
        if (hand_over(member, frame, is_from_server) == handed::over) ++delivered;
    });
    shard_.count(counter::deliveries, delivered);
    return delivered;
}

void executor::deliver_to_targets(execution& run, const command& c, reach& reached, std::string_view type_token) {
    const bool is_from_server = !run.from_server.empty();
    if (is_everybody_) {
        const payload frame = make_delivery(type_token, c.data);
        reached.delivered +=
            deliver_all(frame, except_, is_from_server, [&](auto&& each) { shard_.sessions().for_each(each); });
        for (unsigned s = 0; s < shard_.settings().shards; ++s) {
            if (s == shard_.index()) continue;
            const acknowledgement to = expect(run, c, reached);
            shard_.post_to(s, [frame, except = except_, to, is_from_server](shard& there) {
                run_for(there, to, {}, [&] {
                    const auto delivered = there.commands().deliver_all(
                        frame, except, is_from_server, [&](auto&& each) { there.sessions().for_each(each); });
                    report_back(there, to, delivered);
                });
            });
        }
        return;
    }
    if (targets_.size() == 1 && targets_[0].shard() == shard_.index()) {
        session* const only = shard_.sessions().find(targets_[0]);
        if (only && !has_room(*only, is_from_server)) {
            missed(c, reached, only->user(), error_code::busy);
        } else if (only && only->deliver(type_token, c.data, {})) {
            reached.delivered = 1;
            shard_.count(counter::deliveries);
        } else {
            missed(c, reached, targets_[0].text(), error_code::recipient_offline);
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
                continue;
            }
            session* const local = shard_.sessions().find(id);
            switch (local ? hand_over(*local, frame, is_from_server) : handed::no) {
                case handed::over:
                    ++reached.delivered;
                    shard_.count(counter::deliveries);
                    break;
                case handed::no: missed(c, reached, id.text(), error_code::recipient_offline); break;
                case handed::no_room: missed(c, reached, local->user(), error_code::busy); break;
            }
        }
        if (there.empty()) continue;
        const acknowledgement to = expect(run, c, reached);
        shard_.post_to(s, [frame, ids = std::move(there), to, is_from_server](shard& target) {
            run_for(target, to, ids, [&] {
                partial_outcome outcome;
                for (const session_id id : ids) {
                    session* const found = target.sessions().find(id);
                    switch (found ? target.commands().hand_over(*found, frame, is_from_server) : handed::no) {
                        case handed::over: ++outcome.delivered; break;
                        case handed::no: note_missed(to, outcome, id.text(), error_code::recipient_offline); break;
                        case handed::no_room: note_missed(to, outcome, found->user(), error_code::busy); break;
                    }
                }
                target.count(counter::deliveries, outcome.delivered);
                report_back(target, to, std::move(outcome));
            });
        });
    }
}

void executor::send_group(execution& run, const command& c) {
    const std::string_view type_token = type_of(run, c);
    if (type_token.empty()) return;
    run.message.addressed = true;
    mark_excepted(run, c);
    const payload frame = make_delivery(type_token, c.data);
    reach reached{outcomes_};
    if (const group* const in = shard_.groups().find(run.source.groups_owner(), c.target)) {
        reached.delivered = deliver_all(frame, except_, false, [&](auto&& each) {
            for (session* member : in->members()) each(*member);
        });
    }
    for (unsigned s = 0; s < shard_.settings().shards; ++s) {
        if (s == shard_.index()) continue;
        const acknowledgement to = expect(run, c, reached);
        // Handler and group in one string, to stay within a task's room.
        std::string key = run.source.groups_owner() + '\0' + std::string{c.target};
        auto details = std::make_unique<std::pair<std::string, std::vector<session_id>>>(std::move(key), except_);
        shard_.post_to(s, [frame, details = std::move(details), to](shard& there) {
            run_for(there, to, {}, [&] {
                const std::size_t cut = details->first.find('\0');
                const std::string_view key_text = details->first;
                const group* const in = there.groups().find(key_text.substr(0, cut), key_text.substr(cut + 1));
                std::uint64_t delivered = 0;
                if (in) {
                    delivered = there.commands().deliver_all(frame, details->second, false, [&](auto&& each) {
                        for (session* member : in->members()) each(*member);
                    });
                }
                report_back(there, to, delivered);
            });
        });
    }
    complete(run, c, reached);
}

}  // namespace bester::exchange
