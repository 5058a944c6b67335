// Commands that change sessions: join, leave and disconnect.
#include "exchange/executor.hpp"

#include <algorithm>
#include <memory>
#include <span>

#include "exchange/session.hpp"
#include "exchange/shard.hpp"

namespace bester::exchange {

using wire::command;
using wire::error_code;

namespace {

/// A session of another shard joins or leaves. It goes there and comes back, so that its answer needs no memory.
struct distant_change {
    session_id who;
    bool is_join;
    std::string handler;
    std::string group;
    acknowledgement to;
    instance_mark by;
    std::uint64_t source;  ///< that gets the refusal
    std::string refusal;   ///< the `refused` frame
    error_code failure = error_code::internal_error;
};

error_code change_one(shard& on, session_id id, bool is_join, std::string_view handler, std::string_view group,
                      const instance_mark& by) {
    session* const who = on.sessions().find(id);
    if (!who) return error_code::recipient_offline;
    if (!is_join) on.groups().leave(handler, group, *who);
    else if (!on.groups().join(handler, group, *who, on.limits().groups)) return error_code::too_many_groups;
    on.observers().tell([&](session_observer& observer) { observer.on_membership(*who, group, is_join, by); });
    return error_code::none;
}

std::string join_refused(const std::uint64_t* answered, std::size_t index) {
    const auto code = error_code::too_many_groups;
    return wire::refused_frame(answered, index, code, wire::describe(code).meaning);
}

}  // namespace

void executor::join(execution& run, const command& c) { change_membership(run, c, true); }

void executor::leave(execution& run, const command& c) { change_membership(run, c, false); }

void executor::change_membership(execution& run, const command& c, bool is_join) {
    targets_.clear();
    is_everybody_ = false;
    reach reached{outcomes_};
    if (!c.has_targets) {
        if (!run.message.origin) return refuse(run, error_code::no_sender, "a push must name the sessions");
        distant_.clear();
        targets_.push_back(run.message.origin);
    } else if (!collect_targets(run, c, reached)) {
        return;
    }
    if (is_everybody_) return refuse(run, error_code::bad_command, "\"*\" cannot join or leave");
    refuse_distant(run);
    for (const session_id id : targets_) {
        if (id.shard() == shard_.index()) {
            const error_code failure =
                change_one(shard_, id, is_join, run.source.groups_owner(), c.target, run.source.mark());
            if (failure == error_code::none) ++reached.delivered;
            else missed(c, reached, id.text(), failure);
            // The message's status stays good: refusals for sessions of other shards come too late for it as well.
            if (failure == error_code::too_many_groups) run.source.notify(join_refused(run.answered, run.index));
            continue;
        }
        auto change = std::make_unique<distant_change>(distant_change{
            id, is_join, run.source.groups_owner(), std::string{c.target}, expect(run, c, reached), run.source.mark(),
            run.source.source_id(), is_join ? join_refused(run.answered, run.index) : std::string{}});
        change->to.shard = shard_.index();
        shard_.post_to(id.shard(), [change = std::move(change)](shard& there) mutable {
            distant_change& made = *change;
            there.guarded("another shard's command", [&] {
                made.failure = change_one(there, made.who, made.is_join, made.handler, made.group, made.by);
            });
            if (!made.to.is_wanted() && made.failure != error_code::too_many_groups) return;
            there.post_reply(made.to.shard, [change = std::move(change)](shard& back) {
                const bool is_done = change->failure == error_code::none;
                const std::span<const session_id> missed{&change->who, is_done ? 0u : 1u};
                back.commands().outcomes_.arrived(change->to, is_done ? 1 : 0, missed, change->failure);
                if (change->failure != error_code::too_many_groups) return;
                if (command_source* const asked = back.find_source(change->source)) asked->notify(change->refusal);
            });
        });
    }
    complete(run, c, reached);
}

/// Commands change sessions of their own server only.
void executor::refuse_distant(execution& run) {
    if (!distant_.empty())
        refuse_part(run, error_code::bad_command, "sessions of other servers are not this server's to change");
}

void executor::disconnect(execution& run, const command& c) {
    reach reached{outcomes_};
    if (!collect_targets(run, c, reached)) return;
    if (is_everybody_) return refuse(run, error_code::bad_command, "\"*\" cannot be disconnected");
    refuse_distant(run);
    for (const session_id id : targets_) {
        if (id.shard() == shard_.index()) {
            if (session* const who = shard_.sessions().find(id)) {
                who->disconnect(c.reason.empty() ? wire::as_status_error(error_code::disconnected)
                                                 : wire::as_status_error(error_code::disconnected, c.reason));
                ++reached.delivered;
            } else {
                missed(c, reached, id.text(), error_code::recipient_offline);
            }
            continue;
        }
        const acknowledgement to = expect(run, c, reached);
        shard_.post_to(id.shard(), [id, reason = std::string{c.reason}, to](shard& there) {
            run_for(there, to, {&id, 1}, [&] {
                session* const who = there.sessions().find(id);
                if (!who) return report_back(there, to, 0, {id});
                who->disconnect(reason.empty() ? wire::as_status_error(error_code::disconnected)
                                               : wire::as_status_error(error_code::disconnected, reason));
                report_back(there, to, 1);
            });
        });
    }
    complete(run, c, reached);
}

}  // namespace bester::exchange
