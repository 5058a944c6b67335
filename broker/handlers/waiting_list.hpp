#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/envelope.hpp"
#include "exchange/shard.hpp"

namespace bester::handlers {

/// A message that waits on a shard for an instance, or for room in an instance's window.
struct waiting_message {
    exchange::envelope message;
    std::string data;
    std::uint64_t deadline_ms = 0;  ///< then nobody wants the answer any more
    std::uint64_t give_up_ms = 0;   ///< then its sender is told `busy`
    std::uint64_t serial = 0;       ///< order of arrival at the handler
    bool holds_sender = false;      ///< the sender's session is not read until this has left
};

/// Messages in their order of arrival. On one shard's thread.
class waiting_list {
public:
    explicit waiting_list(exchange::shard& on) noexcept : shard_{on} {}

    bool empty() const noexcept { return messages_.empty(); }
    std::size_t size() const noexcept { return messages_.size(); }
    void push(waiting_message&& waiting) { messages_.push_back(std::move(waiting)); }
    /// The first one; its sender is read again.
    waiting_message pop();
    /// Takes all out, without touching their senders, to put them elsewhere.
    void move_all_to(std::vector<waiting_message>& out);
    /// Ends those whose time is over: with `busy`, or past the deadline with `late`. Returns how many.
    std::size_t expire(std::uint64_t now_ms, wire::error_code late);
    /// Ends all with this error.
    void fail_all(const wire::status_error& error);

private:
    void release_sender(const waiting_message& waiting);
    void fail(const waiting_message& waiting, const wire::status_error& error);

    exchange::shard& shard_;
    std::deque<waiting_message> messages_;
};

}  // namespace bester::handlers
