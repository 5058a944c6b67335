#include "handlers/waiting_list.hpp"

#include <algorithm>

#include "exchange/session.hpp"

namespace bester::handlers {

using exchange::counter;
using wire::error_code;

waiting_message waiting_list::pop() {
    waiting_message first = std::move(messages_.front());
    messages_.pop_front();
    shard_.account_kept(-static_cast<std::ptrdiff_t>(first.data.size()));
    release_sender(first);
    return first;
}

void waiting_list::move_all_to(std::vector<waiting_message>& out) {
    for (waiting_message& waiting : messages_) out.push_back(std::move(waiting));
    messages_.clear();
}

std::size_t waiting_list::expire(std::uint64_t now_ms, error_code late) {
    std::vector<waiting_message> expired;
    for (auto it = messages_.begin(); it != messages_.end();) {
        if (now_ms < it->give_up_ms && now_ms < it->deadline_ms) {
            ++it;
            continue;
        }
        expired.push_back(std::move(*it));
        it = messages_.erase(it);
    }
    for (const waiting_message& waiting : expired) {
        const bool is_busy = now_ms < waiting.deadline_ms;
        if (is_busy) shard_.count(counter::busy);
        fail(waiting, wire::as_status_error(is_busy ? error_code::busy : late));
    }
    return expired.size();
}

void waiting_list::fail_all(const wire::status_error& error) {
    std::deque<waiting_message> failed;
    failed.swap(messages_);
    for (const waiting_message& waiting : failed) fail(waiting, error);
}

void waiting_list::fail(const waiting_message& waiting, const wire::status_error& error) {
    shard_.account_kept(-static_cast<std::ptrdiff_t>(waiting.data.size()));
    shard_.commands().finish(exchange::view_of(waiting.message), &error);
    release_sender(waiting);
}

void waiting_list::release_sender(const waiting_message& waiting) {
    if (!waiting.holds_sender) return;
    if (exchange::session* const sender = shard_.sessions().find(waiting.message.origin)) sender->message_left_queue();
}

}  // namespace bester::handlers
