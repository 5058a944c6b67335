#include "handlers/one_shot_queue.hpp"

#include "exchange/undo.hpp"
#include "handlers/handler_queue.hpp"
#include "wire/handler_codec.hpp"

namespace bester::handlers {

using exchange::counter;
using exchange::submit_result;
using wire::error_code;
using outcome = submit_result::outcome;

one_shot_queue::one_shot_queue(exchange::shard& on, one_shot_runner& runner,
                               std::shared_ptr<const handler_settings> settings, std::chrono::milliseconds busy_timeout)
    : shard_{on},
      runner_{runner},
      settings_{std::move(settings)},
      busy_timeout_{busy_timeout},
      is_limited_{!settings_->may.is_everything()} {
    shard_.add_swept(*this);
}

one_shot_queue::~one_shot_queue() { shard_.remove_swept(*this); }

void one_shot_queue::apply(std::shared_ptr<const handler_settings> settings, std::chrono::milliseconds busy_timeout) {
    settings_ = std::move(settings);
    busy_timeout_ = busy_timeout;
    is_limited_ = !settings_->may.is_everything();
}

bool one_shot_queue::take_command(std::uint64_t now_ms) noexcept {
    return budget_.take(settings_->may.rate_of_shard(shard_.settings().shards), now_ms) == 0;
}

bool one_shot_queue::has_room() const noexcept {
    const std::size_t shards = shard_.settings().shards;
    return calls_.size() < (settings_->window + shards - 1) / shards;
}

submit_result one_shot_queue::submit(const exchange::envelope_view& message, std::string_view type,
                                     std::string_view data) {
    if (data.size() > settings_->message_size) return {outcome::refused, error_code::too_large};
    auto span = settings_->deadline;
    if (const auto found = settings_->deadlines.find(std::string{type}); found != settings_->deadlines.end())
        span = found->second;
    const std::uint64_t deadline_ms = shard_.now_ms() + static_cast<std::uint64_t>(span.count());
    exchange::envelope kept;
    kept.assign(message);
    if (has_room() && line_.empty()) {
        call(std::move(kept), std::string{data}, deadline_ms);
        return {};
    }
    const std::uint64_t origin = origin_of(message);
    const bool has_place =
        room_.make_room(origin, data.size(), room_bounds(*settings_, shard_.settings().shards), evicted_);
    if (!evicted_.empty()) shard_.work_later(eviction_teller_);
    if (!has_place) {
        shard_.count(counter::busy);
        return {outcome::refused, error_code::busy};
    }
    waiting_message waiting;
    waiting.message = std::move(kept);
    waiting.data = data;
    waiting.deadline_ms = deadline_ms;
    waiting.give_up_ms = shard_.now_ms() + static_cast<std::uint64_t>(busy_timeout_.count());
    waiting.serial = ++last_call_;
    waiting.origin = waiting.order = origin;
    room_.add(line_, std::move(waiting));
    shard_.wake_sweep();
    return {};
}

/// Hands a message over. One that cannot be handed over has ended then.
void one_shot_queue::call(exchange::envelope&& message, std::string&& data, std::uint64_t deadline_ms) noexcept {
    const std::uint64_t id = ++last_call_;
    const bool is_on_its_way = shard_.guarded("a call of a one-shot handler", [&] {
        // Made here, since the callback has no shard whose work an exception could end.
        auto answer = std::make_shared<one_shot_result>();
        exchange::envelope& kept = calls_[id];
        exchange::undo take_back{[&] {
            message = std::move(kept);
            calls_.erase(id);
        }};
        kept = std::move(message);
        const std::uint64_t now = shard_.now_ms();
        const std::chrono::milliseconds left{deadline_ms > now ? deadline_ms - now : 0};
        runner_.call(settings_->socket, std::move(data), left, settings_->message_size,
                     [this, &home = shard_, id, answer](one_shot_result result) {
                         *answer = std::move(result);
                         home.post_surely([this, id, answer](exchange::shard&) { called(id, *answer); });
                     });
        take_back.done();
    });
    if (is_on_its_way) return;
    const auto failure = wire::as_status_error(error_code::internal_error);
    shard_.commands().finish(exchange::view_of(message), &failure);
}

void one_shot_queue::called(std::uint64_t id, const one_shot_result& result) noexcept {
    const auto found = calls_.find(id);
    if (found == calls_.end()) return;
    const exchange::envelope message = std::move(found->second);
    calls_.erase(found);
    if (!result) {
        if (result.error().code == error_code::handler_timeout) shard_.count(counter::handler_timeouts);
        const auto error = wire::as_status_error(result.error().code, result.error().reason);
        shard_.commands().finish(exchange::view_of(message), &error);
    } else if (!shard_.guarded("the answer of a one-shot handler", [&] { execute(id, message, *result); })) {
        const auto failure = wire::as_status_error(error_code::internal_error);
        shard_.commands().finish(exchange::view_of(message), &failure);
    }
    while (!line_.empty() && has_room()) {
        waiting_message next = room_.take_first(line_);
        call(std::move(next.message), std::move(next.data), next.deadline_ms);
    }
}

void one_shot_queue::execute(std::uint64_t id, const exchange::envelope& message, const one_shot_answer& answer) {
    wire::handler_frame frame;
    frame.kind = wire::handler_frame_kind::answer;
    frame.has_id = true;
    frame.id = id;
    wire::command command;
    command.data = answer.data;
    wire::string_range* range = nullptr;
    switch (answer.command) {
        case one_shot_command::send_clients:
            command.kind = wire::command_kind::send_clients;
            range = &command.users;
            break;
        case one_shot_command::send_servers:
            command.kind = wire::command_kind::send_servers;
            range = &command.servers;
            break;
        case one_shot_command::send_handler:
            command.kind = wire::command_kind::send_handler;
            command.target = answer.recipients.front();
            break;
    }
    for (const std::string& recipient : answer.recipients) frame.strings.push_back(recipient);
    if (range) *range = {0, static_cast<std::uint32_t>(frame.strings.size())};
    command.has_targets = true;
    frame.commands.push_back(command);
    shard_.count(counter::answers);
    exchange::command_progress at_once;  // it is one command
    shard_.commands().answer(*this, exchange::view_of(message), frame, at_once);
}

void one_shot_queue::fail(waiting_room::message_list& failed, error_code code, std::string_view reason) noexcept {
    waiting_room::message_list ending;
    ending.splice(ending.end(), failed);
    for (const waiting_message& each : ending) {
        if (code == error_code::busy) shard_.count(counter::busy);
        const auto error = wire::as_status_error(code, reason);
        shard_.commands().finish(exchange::view_of(each.message), &error);
    }
}

void one_shot_queue::retire() {
    waiting_room::message_list all;
    room_.expel(line_, all);
    fail(all, error_code::handler_unavailable, "the handler was removed");
}

bool one_shot_queue::sweep(std::uint64_t now_ms) {
    waiting_room::message_list expired;
    waiting_room::message_list late;
    room_.expire(line_, now_ms, expired);
    for (auto it = expired.begin(); it != expired.end();) {
        const auto each = it++;
        if (now_ms >= each->deadline_ms) late.splice(late.end(), expired, each);
    }
    fail(expired, error_code::busy, wire::describe(error_code::busy).meaning);
    fail(late, error_code::handler_timeout, wire::describe(error_code::handler_timeout).meaning);
    return !line_.empty();
}

}  // namespace bester::handlers
