// engine_session: as a holder of memory.
#include <algorithm>

#include "clients/engine/engine_session.hpp"
#include "clients/engine/namespace_session.hpp"
#include "clients/engine/shard_engines.hpp"
#include "clients/shard_clients.hpp"
#include "exchange/shard.hpp"

namespace bester::clients {

using exchange::counter;

std::uint64_t engine_session::held_weight(exchange::held_kind what, std::uint64_t now_ms) const noexcept {
    if (what == exchange::held_kind::output) return held_output_.bytes;
    // A client that has never logged in holds the data of its opening since then; after a log-in it may.
    const bool waits_for_us = holding_ > 0 || has_held_post() || collecting_since_ms_ == 0;
    const std::uint64_t since_ms = !has_joined_ ? opened_ms_ : waits_for_us ? now_ms : collecting_since_ms_;
    return held_input_.bytes * (1 + (now_ms - std::min(now_ms, since_ms)));
}

std::string engine_session::describe_holder(std::size_t bytes) const {
    const std::string who =
        namespaces_.empty() || namespaces_.front()->user().empty() ? "nobody yet" : namespaces_.front()->user();
    return "a Socket.IO session of " + who + ", " + opening_->address + ", with " + std::to_string(bytes) + " bytes";
}

void engine_session::give_way(exchange::held_kind what) {
    const bool is_input = what == exchange::held_kind::input;
    home_->clients().memory().tell(what, describe_holder(is_input ? held_input_.bytes : held_output_.bytes));
    home_->clients().shard().count(is_input ? counter::input_evictions : counter::slow_consumers);
    if (http_ && !is_input) {
        http_->queue = {};
        http_->packets = 0;
    }
    close(is_input);
}

void engine_session::check_frame_time(std::uint64_t now_ms) {
    const auto timeout = static_cast<std::uint64_t>(home_->clients().limits().frame_timeout.count());
    if (collecting_since_ms_ == 0 || holding_ > 0) return;
    // The rest may be in a post that is held back.
    if (has_held_post()) collecting_since_ms_ = now_ms;
    if (now_ms - collecting_since_ms_ < timeout) return;
    home_->clients().shard().count(counter::frame_timeouts);
    close(true);
}

}  // namespace bester::clients
