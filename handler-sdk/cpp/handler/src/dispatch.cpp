#include <stdexcept>
#include <string>
#include <utility>

#include "frame_writer.hpp"
#include "log.hpp"
#include "no_answer.hpp"
#include "runtime.hpp"

namespace bester::detail {

namespace {

using json = nlohmann::json;

// So that what many small messages produce is on its way while the rest of them is handled.
constexpr std::size_t early_flush = std::size_t{128} << 10;

answer handler_exception(const std::string& type, const char* what) {
    log_line(severity::warning, "the function for messages of type \"" + type + "\" threw: " + what);
    // What an exception says may be nobody's business but the author's: it is in the log only.
    return refuse("handler_exception", "the handler failed on this message; its log says why");
}

}  // namespace

void runtime::decode_frames(unsigned shard) {
    current_shard_ = shard;
    while (!lost_) {
        channel& from = channels_[shard];
        if (!presence_.may_read(shard)) {
            from.is_held = true;
            break;
        }
        if (from.output().size() > early_flush && !from.flush()) lost_ = "the broker closed a channel";
        if (from.output().size() > channel::high_water) {
            from.is_paused = true;
            break;
        }
        const auto frame = from.next_frame();
        if (frame.status == wire::frame_status::need_more) break;
        if (frame.status != wire::frame_status::complete) {
            lost_ = "the broker sent no frame";
            break;
        }
        on_frame(shard, frame.body);
        after_call();
    }
    current_shard_ = 0;
}

void runtime::on_frame(unsigned shard, std::string_view body) {
    incoming_frame frame = decode_incoming(reader_, body);
    if (frame.kind == incoming_kind::message) return on_message(shard, frame);
    try {
        on_other(shard, frame.kind, body);
    } catch (const std::exception& mistake) {
        log_line(severity::warning, std::string{"on a frame that is no message: "} + mistake.what());
    } catch (...) {
        log_line(severity::warning, "a function threw something that is no std::exception");
    }
}

void runtime::on_message(unsigned shard, incoming_frame& frame) {
    message_fields& fields = frame.message;
    fields.shard = shard;
    if (frame.deadline_ms > 0) fields.deadline = now_ + std::chrono::milliseconds{frame.deadline_ms};
    latest_deadline_ = std::max(latest_deadline_, fields.deadline);
    if (is_draining_) quiet_until_ = std::max(quiet_until_, now_ + drain_quiet);
    ++channels_[shard].unanswered;
    const message received{fields};
    auto entry = functions.by_type.find(fields.type);
    if (entry == functions.by_type.end()) entry = functions.by_type.find(std::string_view{});
    if (entry == functions.by_type.end()) {
        const std::string type{fields.type};
        return answer_message(
            attachment_, shard, fields.id,
            refuse("unknown_type", "this handler has no function for messages of type \"" + type + "\""));
    }
    if (entry->second.later) return defer_message(entry->second, received);
    answer_message(attachment_, shard, fields.id, call_message_function(entry->second, received));
}

answer runtime::call_message_function(const author_functions::message_entry& entry, const message& received) {
    try {
        return entry.now(received);
    } catch (const refusal& why) {
        return answer{why};
    } catch (const std::exception& mistake) {
        return handler_exception(std::string{received.type()}, mistake.what());
    } catch (...) {
        return handler_exception(std::string{received.type()}, "something that is no std::exception");
    }
}

void runtime::defer_message(const author_functions::message_entry& entry, const message& received) {
    // Unwinding destroys the responder before the exception arrives here, so it only leaves a note:
    // then the answer says what happened, not just that there was none.
    handled_message handled{received.id(), false};
    handled_ = &handled;
    answer failure = no_answer();
    try {
        entry.later(received, responder{inbox_, attachment_, received.shard(), received.id()});
    } catch (const refusal& why) {
        failure = answer{why};
    } catch (const std::exception& mistake) {
        failure = handler_exception(std::string{received.type()}, mistake.what());
    } catch (...) {
        failure = handler_exception(std::string{received.type()}, "something that is no std::exception");
    }
    handled_ = nullptr;
    if (handled.is_abandoned) answer_message(attachment_, received.shard(), received.id(), std::move(failure));
}

void runtime::on_other(unsigned shard, incoming_kind kind, std::string_view body) {
    switch (kind) {
        case incoming_kind::event: return presence_.on_event(shard, json::parse(body));
        case incoming_kind::snapshot: return presence_.on_snapshot(shard, json::parse(body));
        case incoming_kind::report: return on_report(json::parse(body));
        case incoming_kind::refused: return on_refused(json::parse(body));
        case incoming_kind::result: return on_result(json::parse(body));
        case incoming_kind::ping: return write_frame(channels_[shard].output(), pong_frame);
        case incoming_kind::drain:
            channels_[shard].is_drained = true;
            if (!is_draining_) quiet_until_ = now_ + drain_quiet;
            is_draining_ = true;
            return;
        case incoming_kind::error: {
            const json frame = json::parse(body);
            log_line(severity::warning,
                     "the broker complains: " + frame.value("code", "") + ": " + frame.value("reason", ""));
            return;
        }
        case incoming_kind::malformed: lost_ = "the broker sent a frame that is not understood"; return;
        case incoming_kind::message:
        case incoming_kind::welcome:
        case incoming_kind::unknown: return;
    }
}

void runtime::on_report(const json& frame) {
    const auto function = reports_.take(frame.value("report", std::uint64_t{0}));
    if (!function) return;
    delivery_report report;
    report.delivered = frame.value("delivered", std::uint64_t{0});
    for (const json& failed : frame.value("failed", json::array()))
        report.failed.push_back({failed.value("recipient", ""), failed.value("code", "")});
    report.has_more_failures = frame.value("more", false);
    function(report);
}

void runtime::on_refused(const json& frame) {
    refused_command refused;
    if (frame.contains("id")) refused.message_id = frame.at("id").get<std::uint64_t>();
    refused.index = frame.value("index", std::size_t{0});
    refused.code = frame.value("code", "");
    refused.reason = frame.value("reason", "");
    // Nothing of the command was done, so no report will come.
    if (const auto report = frame.find("report"); report != frame.end() && report->is_number_unsigned())
        if (auto function = reports_.take(report->get<std::uint64_t>()))
            fail_report(std::move(function), refused.code, refused.reason);
    if (functions.refused) return functions.refused(refused);
    log_line(severity::warning,
             "the broker refused command " + std::to_string(refused.index) + " of " +
                 (refused.message_id ? "the answer to message " + std::to_string(*refused.message_id) : "a push") +
                 ": " + refused.code + ": " + refused.reason);
}

void runtime::on_result(const json& frame) {
    const auto function = queries_.take(frame.value("id", std::uint64_t{0}));
    if (!function) return;
    if (const auto error = frame.find("error"); error != frame.end() && error->is_object())
        return function(query_failure{error->value("code", ""), error->value("reason", "")});
    function(frame);
}

}  // namespace bester::detail
