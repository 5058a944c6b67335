#include <bester/responder.hpp>

#include <exception>
#include <utility>

#include "inbox.hpp"
#include "no_answer.hpp"
#include "runtime.hpp"

namespace bester {

responder::responder(std::shared_ptr<detail::inbox> inbox, std::uint64_t attachment, unsigned shard,
                     std::uint64_t id) noexcept
    : inbox_{std::move(inbox)}, attachment_{attachment}, id_{id}, shard_{shard} {}

responder::responder(callback<void(bester::answer)> taker) noexcept : taker_{std::move(taker)} {}

responder& responder::operator=(responder&& other) noexcept {
    if (this == &other) return *this;
    abandon();
    inbox_ = std::move(other.inbox_);
    taker_ = std::move(other.taker_);
    attachment_ = other.attachment_;
    id_ = other.id_;
    shard_ = other.shard_;
    return *this;
}

responder::~responder() { abandon(); }

void responder::answer(bester::answer what) {
    if (const auto taker = std::move(taker_)) return taker(std::move(what));
    const auto inbox = std::move(inbox_);
    if (!inbox) return;
    if (auto* const runtime = inbox->owner_on_loop_thread())
        return runtime->answer_message(attachment_, shard_, id_, std::move(what));
    inbox->post(
        [attachment = attachment_, shard = shard_, id = id_, held = std::move(what)](detail::runtime& runtime) mutable {
            runtime.answer_message(attachment, shard, id, std::move(held));
        });
}

void responder::abandon() noexcept {
    const auto taker = std::move(taker_);
    const auto inbox = std::move(inbox_);
    if (!inbox && !taker) return;
    try {
        if (taker) return taker(detail::no_answer());
        inbox->run([attachment = attachment_, shard = shard_, id = id_](detail::runtime& runtime) {
            runtime.abandon_message(attachment, shard, id);
        });
    } catch (const std::exception&) {
        // Out of memory: the deadline will tell the sender.
    }
}

}  // namespace bester
