#pragma once

#include <cstdint>
#include <memory>

#include <bester/answer.hpp>
#include <bester/callback.hpp>

namespace bester {

namespace detail {
class inbox;
}

/// The right and duty to answer one message later, from any thread. Moved out of the message
/// function by the author, who owns it from then on; it may outlive the handler. Answers at most
/// once. Destroyed without an answer, it refuses the message with `handler_gave_no_answer`, so that
/// no sender waits in vain. An answer after the deadline, or after the connection was lost, is
/// ignored by the broker.
class responder {
public:
    /// For the SDK.
    responder(std::shared_ptr<detail::inbox> inbox, std::uint64_t attachment, unsigned shard,
              std::uint64_t id) noexcept;
    /// For tests of your own that call a deferring function directly: the answer goes to `taker`, on the thread that
    /// answers, and so does the refusal if there is none.
    explicit responder(callback<void(bester::answer)> taker) noexcept;
    responder(responder&& other) noexcept = default;
    responder& operator=(responder&& other) noexcept;
    ~responder();

    /// Answers the message; does nothing if it was answered before. Any thread.
    void answer(bester::answer what);
    bool is_answered() const noexcept { return inbox_ == nullptr && !taker_; }

private:
    void abandon() noexcept;

    std::shared_ptr<detail::inbox> inbox_;
    callback<void(bester::answer)> taker_;
    std::uint64_t attachment_ = 0;
    std::uint64_t id_ = 0;
    unsigned shard_ = 0;
};

}  // namespace bester
