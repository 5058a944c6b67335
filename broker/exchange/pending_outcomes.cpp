#include "exchange/pending_outcomes.hpp"

#include <algorithm>

#include "exchange/peer_port.hpp"
#include "exchange/session.hpp"
#include "exchange/shard.hpp"

namespace bester::exchange {

reach::~reach() {
    if (report != 0) outcomes.forget_report(report);
}

acknowledgement pending_outcomes::expect(envelope_view* message, const report_target& report, reach& reached) {
    acknowledgement to{shard_.index(), 0, 0};
    // A client that gave no id gets no status, but the server that passed a message on may still want the result.
    const bool is_awaited = message && (message->remote.empty() ? message->origin && !message->id_token.empty()
                                                                : remote_origin::unpack(message->remote).ref != 0);
    if (is_awaited) {
        pending_status* waiting = statuses_.find(message->pending);
        if (!waiting) {
            const auto added = statuses_.add();
            message->pending = added.number;
            waiting = &added.value;
            waiting->waiting = 0;
            waiting->delivered = 0;
            waiting->is_finished = false;
            waiting->error_code.clear();
        }
        ++waiting->waiting;
        to.status = message->pending;
    }
    if (report.is_wanted()) {
        if (reached.report == 0) {
            reached.report = ++last_;
            pending_report& made = reports_[reached.report];
            made.source = report.source;
            made.tag = report.tag;
            made.server = report.server;
            made.ref = report.ref;
            made.waiting = 1;  // for complete()
        }
        ++reports_[reached.report].waiting;
        to.report = reached.report;
    }
    return to;
}

void pending_outcomes::arrived(const acknowledgement& to, std::uint64_t delivered, std::span<const session_id> missed,
                               wire::error_code code) noexcept {
    partial_outcome outcome;
    outcome.delivered = delivered;
    const bool is_whole = shard_.guarded("a part of a report", [&] {
        if (to.report == 0) return;
        for (const session_id id : missed)
            outcome.missed.push_back({std::string{id.text()}, std::string{wire::describe(code).text}});
    });
    arrived(to, outcome, is_whole);
}

/// `is_whole`: nothing of the outcome was lost on its way.
void pending_outcomes::arrived(const acknowledgement& to, const partial_outcome& outcome, bool is_whole) noexcept {
    if (const auto found = reports_.find(to.report); found != reports_.end()) {
        pending_report& pending = found->second;
        pending.sum.delivered = add_counts(pending.sum.delivered, outcome.delivered);
        const bool is_noted = is_whole && shard_.guarded("a part of a report", [&] {
            pending.sum.missed.insert(pending.sum.missed.end(), outcome.missed.begin(), outcome.missed.end());
        });
        command_source* const waiting = is_noted ? nullptr : shard_.find_source(pending.source);
        if (waiting) waiting->miss_frame();
        if (--pending.waiting == 0) {
            const auto ended = std::move(pending);
            reports_.erase(found);
            send_report({ended.source, ended.tag, ended.server, ended.ref}, ended.sum);
        }
    }
    if (pending_status* const pending = statuses_.find(to.status)) {
        pending->delivered = add_counts(pending->delivered, outcome.delivered);
        if (pending->error_code.empty() && !outcome.error_code.empty()) {
            shard_.guarded("a part of a status", [&] {
                pending->error_code = outcome.error_code;
                pending->error_reason = outcome.error_reason;
            });
            pending->is_temporary = outcome.is_temporary;
        }
        if (--pending->waiting == 0 && pending->is_finished) end(to.status, *pending);
    }
}

void pending_outcomes::spoil(const acknowledgement& to, wire::error_code why) {
    pending_status* const pending = statuses_.find(to.status);
    if (!pending || !pending->error_code.empty()) return;
    const auto error = wire::as_status_error(why);
    pending->error_code = error.code;
    pending->error_reason = error.reason;
    pending->is_temporary = error.temporary;
}

/// All outcomes of the message have arrived.
void pending_outcomes::end(std::uint64_t number, const pending_status& ended) noexcept {
    envelope_view message = view_of(ended.message);
    message.delivered = add_counts(message.delivered, ended.delivered);
    const wire::status_error error{ended.error_code, ended.error_reason, ended.is_temporary};
    tell_sender(message, ended.error_code.empty() ? nullptr : &error);
    statuses_.remove(number);
}

void pending_outcomes::complete(const report_target& report, reach& reached) noexcept {
    const partial_outcome own{reached.delivered, std::move(reached.missed), {}, {}, false};
    const std::uint64_t number = std::exchange(reached.report, 0);
    if (number == 0) return send_report(report, own);
    arrived({shard_.index(), 0, number}, own);
}

void pending_outcomes::finish(const envelope_view& message, const wire::status_error* error) noexcept {
    pending_status* const pending = statuses_.find(message.pending);
    if (!pending) return tell_sender(message, error);
    const bool is_kept = shard_.guarded("a status that waits", [&] {
        if (error) {  // the handler's own error comes before others
            pending->error_code = error->code;
            pending->error_reason = error->reason;
            pending->is_temporary = error->temporary;
        }
        pending->message.assign(message);
    });
    if (!is_kept) {
        statuses_.remove(message.pending);
        const auto failure = wire::as_status_error(wire::error_code::internal_error);
        return tell_sender(message, &failure);
    }
    pending->is_finished = true;
    if (pending->waiting == 0) end(message.pending, *pending);
}

void pending_outcomes::tell_sender(const envelope_view& message, const wire::status_error* error) noexcept {
    if (!message.remote.empty()) return tell_server(message, error);
    session* const sender = shard_.sessions().find(message.origin);
    if (!sender) return;
    // An exception ends the session only: if it left this call, the status would be sent a second time.
    if (shard_.guarded("a status", [&] { sender->message_done(message, error); })) return;
    shard_.guarded("a session that misses a status",
                   [&] { sender->disconnect(wire::as_status_error(wire::error_code::internal_error)); });
}

void pending_outcomes::tell_server(const envelope_view& message, const wire::status_error* error) noexcept {
    const auto origin = remote_origin::unpack(message.remote);
    if (!shard_.peers()) return;
    partial_outcome outcome;
    outcome.delivered = message.delivered;
    const bool is_whole = shard_.guarded("a status for another server", [&] {
        if (!error) return;
        outcome.is_temporary = error->temporary;
        outcome.error_reason = error->reason;
        outcome.error_code = error->code;
    });
    // Bad in any case; a code of this length takes no memory.
    if (!is_whole) outcome.error_code = wire::describe(wire::error_code::internal_error).text;
    shard_.guarded("a status for another server", [&] { shard_.peers()->finish(origin, outcome); });
}

namespace {

std::string make_report(std::string_view tag, const std::vector<missed_recipient>& missed, std::uint64_t delivered) {
    constexpr std::size_t most_listed = 100;
    std::string body = R"({"kind":"report","report":)";
    body.append(tag).append(R"(,"delivered":)").append(std::to_string(delivered)).append(R"(,"failed":[)");
    for (std::size_t i = 0; i < std::min(missed.size(), most_listed); ++i) {
        if (i > 0) body += ',';
        body += R"({"recipient":)";
        wire::append_quoted(body, missed[i].recipient);
        body += R"(,"code":)";
        wire::append_quoted(body, missed[i].code);
        body += '}';
    }
    body += missed.size() > most_listed ? R"(],"more":true})" : "]}";
    return wire::make_frame(body);
}

}  // namespace

void pending_outcomes::send_report(const report_target& report, const partial_outcome& sum) noexcept {
    if (report.ref != 0) {
        if (!shard_.peers()) return;
        shard_.guarded("a result for another server", [&] {
            shard_.peers()->finish({report.server, {}, report.ref, 0}, sum);
        });
        return;
    }
    command_source* const to = shard_.find_source(report.source);
    if (!to) return;
    // The source of the command waits for this.
    if (!shard_.guarded("a report", [&] { to->notify(make_report(report.tag, sum.missed, sum.delivered)); }))
        to->miss_frame();
}

}  // namespace bester::exchange
