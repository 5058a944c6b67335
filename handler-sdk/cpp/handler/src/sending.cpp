#include <algorithm>
#include <utility>

#include "frame_writer.hpp"
#include "log.hpp"
#include "no_answer.hpp"
#include "runtime.hpp"

namespace bester::detail {

namespace {

constexpr std::size_t most_waiting = std::size_t{64} << 20;
constexpr std::size_t frame_words = 96;  // what a frame has besides commands, error and order, at most

/// Room that a frame with these commands takes, at most.
std::size_t size_of(command_list& list) { return list.text().size() + 20 * list.reports().size() + frame_words; }

}  // namespace

void runtime::answer_message(std::uint64_t attachment, unsigned shard, std::uint64_t id, answer what) {
    if (attachment != attachment_ || channels_.empty()) return;  // the broker has told the sender
    channel& to = channels_[shard];
    const std::size_t size = size_of(what.list()) + what.error().size() + order_size(channels_.size());
    if (size > greeting_.message_size) {
        log_line(severity::warning,
                 "an answer of " + std::to_string(size) + " bytes is larger than the broker takes (" +
                     std::to_string(greeting_.message_size) + "); make it smaller or raise the handler's message_size");
        what = refuse("answer_too_large", "the handler's answer is larger than the broker takes");
    }
    begin_answer(to.output(), id, what.error());
    append_commands(to.output(), what.list(), reports_.next_number());
    end_ordered(to.output(), order_.next(shard, what.list().is_only_replies()));
    keep_reports(what.list());
    if (to.unanswered > 0) --to.unanswered;
}

void runtime::abandon_message(std::uint64_t attachment, unsigned shard, std::uint64_t id) {
    if (handled_ != nullptr && handled_->id == id && attachment == attachment_ && shard == current_shard_) {
        handled_->is_abandoned = true;
        return;
    }
    answer_message(attachment, shard, id, no_answer());
}

bool runtime::has_room(std::size_t size) const noexcept {
    return is_attached_ && size + 1024 <= largest_frame_ && waiting_bytes_ + size <= most_waiting;
}

bool runtime::push(command_list list) {
    if (list.empty()) return true;
    const std::size_t size = size_of(list);
    if (!has_room(size)) return false;
    if (inbox_->owner_on_loop_thread() != nullptr) return push_now(std::move(list));
    waiting_bytes_ += size;
    return inbox_->post([size, held = std::move(list)](runtime& owner) mutable {
        owner.waiting_bytes_ -= size;
        owner.push_now(std::move(held));
    });
}

bool runtime::push_now(command_list list) {
    if (channels_.empty()) return false;
    channel& to = channels_[current_shard_];
    if (size_of(list) + order_size(channels_.size()) > greeting_.message_size) return false;
    if (to.output().size() > most_waiting) return false;
    begin_push(to.output());
    append_commands(to.output(), list, reports_.next_number());
    end_ordered(to.output(), order_.next(current_shard_, false));
    keep_reports(list);
    return true;
}

void runtime::keep_reports(command_list& list) {
    for (auto& report : list.reports()) {
        if (auto oldest = reports_.add(std::move(report.done)))
            fail_report(std::move(oldest), "too_many_reports", "too many commands wait for their report");
    }
}

void runtime::fail_report(report_function function, std::string code, std::string reason) {
    delivery_report refused;
    refused.code = std::move(code);
    refused.reason = std::move(reason);
    call_author("a report's function", [&] { function(refused); });
}

void runtime::query(nlohmann::json request, query_answer function) {
    if (channels_.empty()) {
        inbox_->post([held = std::move(function)](runtime&) {
            held(query_failure{"connection_lost", "there is no connection to the broker"});
        });
        return;
    }
    nlohmann::ordered_json frame{{"kind", "query"}, {"id", queries_.next_number()}};
    for (const auto& [field, value] : request.items()) frame[field] = value;
    write_frame(channels_[current_shard_].output(), frame.dump());
    if (auto oldest = queries_.add(std::move(function)))
        call_author("a query's function", [&] { oldest(query_failure{"too_many_queries", "too many queries wait"}); });
}

}  // namespace bester::detail
