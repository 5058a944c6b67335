#include "web/websocket_pool.hpp"

#include <utility>

namespace bester::web {

namespace {
// The largest buffer that is kept for the next message; larger ones are freed.
constexpr std::size_t most_free = 64;
constexpr std::size_t largest_free = std::size_t{16} * 1024;
}  // namespace

websocket_pool::websocket_pool() = default;
websocket_pool::~websocket_pool() = default;

std::unique_ptr<held_message> websocket_pool::take() {
    ++held_;
    if (free_.empty()) return std::make_unique<held_message>();
    auto message = std::move(free_.back());
    free_.pop_back();
    message->data.clear();
    message->control_size = 0;
    return message;
}

std::unique_ptr<held_message> websocket_pool::take_again(std::string_view body) {
    if (last_ && body.data() == last_->data.data() && !body.empty()) {
        ++held_;
        return std::move(last_);
    }
    auto message = take();
    body.copy(message->data.extend(body.size()), body.size());
    return message;
}

void websocket_pool::give_back(std::unique_ptr<held_message> message) {
    --held_;
    std::swap(last_, message);
    if (message && free_.size() < most_free && message->data.capacity() <= largest_free)
        free_.push_back(std::move(message));
}

}  // namespace bester::web
