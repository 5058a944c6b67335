#include "handlers/shard_handlers.hpp"

#include <unistd.h>

#include <algorithm>

namespace bester::handlers {

shard_handlers::shard_handlers(exchange::shard& on, const std::vector<shard_handlers*>& all,
                               instance_listener& listener, one_shot_runner& one_shots,
                               std::chrono::steady_clock::time_point started)
    : shard_{on}, all_{all}, listener_{listener}, one_shots_{one_shots}, started_{started} {
    shard_.add_swept(*this);
}

shard_handlers::~shard_handlers() { shard_.remove_swept(*this); }

void shard_handlers::apply(const handler_list& entries, std::chrono::milliseconds busy_timeout) {
    // What may fail comes first: the queues that are new, and all places.
    auto routes = std::make_shared<exchange::routing_table>();
    decltype(queues_) queues;
    decltype(one_shot_queues_) one_shots;
    for (const auto& entry : entries) {
        exchange::handler_port* port = nullptr;
        if (entry->start == start_mode::one_shot) {
            const auto before = one_shot_queues_.find(entry->name);
            auto& made = one_shots[entry->name];
            if (before == one_shot_queues_.end())
                made = std::make_unique<one_shot_queue>(shard_, one_shots_, entry, busy_timeout);
            port = made ? made.get() : before->second.get();
        } else {
            const auto before = queues_.find(entry->name);
            auto& made = queues[entry->name];
            if (before == queues_.end()) made = std::make_unique<handler_queue>(shard_, entry, busy_timeout);
            port = made ? made.get() : before->second.get();
        }
        routes->by_name.emplace(entry->name, port);
        for (const std::string& type : entry->types) routes->by_type.emplace(type, port);
    }
    retired_.reserve(retired_.size() + queues_.size());
    retired_one_shots_.reserve(retired_one_shots_.size() + one_shot_queues_.size());
    // From here on nothing fails, but for the groups of handlers that are gone.
    const auto keep = [&](auto& before, auto& now) {
        for (auto& [name, queue] : now)
            if (!queue) queue = std::move(before.find(name)->second);
    };
    keep(queues_, queues);
    keep(one_shot_queues_, one_shots);
    queues_.swap(queues);
    one_shot_queues_.swap(one_shots);
    shard_.set_routes(std::move(routes));
    for (const auto& entry : entries) {
        if (const auto found = queues_.find(entry->name); found != queues_.end())
            found->second->apply(entry, busy_timeout);
        if (const auto found = one_shot_queues_.find(entry->name); found != one_shot_queues_.end())
            found->second->apply(entry, busy_timeout);
    }
    for (auto& [name, gone] : queues) {
        if (!gone) continue;
        gone->retire();
        retired_.push_back(std::move(gone));
        shard_.guarded("groups of a handler that is gone", [&] { shard_.groups().drop_handler(name); });
    }
    for (auto& [name, gone] : one_shots) {
        if (!gone) continue;
        gone->retire();
        retired_one_shots_.push_back(std::move(gone));
    }
    shard_.wake_sweep();
}

void shard_handlers::open(channel_offer&& offer, std::shared_ptr<instance_progress> progress) {
    const auto queue = queues_.find(offer.instance.handler);
    if (queue == queues_.end()) {
        ::close(offer.fd);
        return listener_.channel_lost(offer.instance, "the handler was removed", loss::broken);
    }
    const instance_ref instance = offer.instance;
    channel* opened = nullptr;
    const bool has_begun = shard_.guarded("a new channel", [&] {
        channels_.reserve(channels_.size() + 1);
        channels_.push_back(std::make_unique<channel>(*this, *queue->second, std::move(offer), std::move(progress)));
        opened = channels_.back().get();
        opened->begin();
    });
    if (has_begun) return;
    if (opened) return opened->framed_stream::fail();
    if (offer.fd >= 0) ::close(offer.fd);
    listener_.channel_lost(instance, "a channel could not be opened", loss::broken);
}

channel* shard_handlers::find(std::uint64_t epoch) const {
    for (const auto& c : channels_)
        if (c->instance().epoch == epoch) return c.get();
    return nullptr;
}

channel* shard_handlers::find(const instance_ref& instance) const { return find(instance.epoch); }

void shard_handlers::ready(const instance_ref& instance) {
    with_channel(instance.epoch, "a channel that is ready", [](channel& c) { c.become_ready(); });
}

void shard_handlers::drain(const instance_ref& instance) {
    if (!find(instance)) return channel_drained(instance);
    with_channel(instance.epoch, "the drain of a channel", [](channel& c) { c.drain(); });
}

void shard_handlers::close(const instance_ref& instance, const std::string& reason) {
    with_channel(instance.epoch, "the end of a channel", [&](channel& c) { c.fail(reason); });
}

void shard_handlers::publish_later(std::uint64_t epoch) {
    shard_.at_turn_end([this, epoch] {
        with_channel(epoch, "what a channel has executed", [](channel& c) { c.publish_progress(); });
    });
}

void shard_handlers::lose_later(std::uint64_t epoch, std::string reason) {
    shard_.at_turn_end([this, epoch, reason = std::move(reason)] {
        with_channel(epoch, "the loss of a channel", [&](channel& c) { c.lost(reason); });
    });
}

void shard_handlers::closed(channel& gone) {
    const auto found =
        std::find_if(channels_.begin(), channels_.end(), [&](const auto& c) { return c.get() == &gone; });
    if (found == channels_.end()) return;
    shard_.bury(std::move(*found));
    channels_.erase(found);
    if (!retired_.empty()) shard_.wake_sweep();
}

bool shard_handlers::is_in_use(const handler_queue& queue) const {
    return queue.waiting() > 0 ||
           std::any_of(channels_.begin(), channels_.end(), [&](const auto& c) { return &c->queue() == &queue; });
}

void shard_handlers::release_retired() {
    std::erase_if(retired_, [&](const auto& queue) { return !is_in_use(*queue); });
    std::erase_if(retired_one_shots_, [](const auto& queue) { return queue->waiting() + queue->in_flight() == 0; });
}

void shard_handlers::channel_lost(const instance_ref& instance, const std::string& reason, loss why) {
    listener_.channel_lost(instance, reason, why);
}

void shard_handlers::instance_confirmed(const instance_ref& instance) { listener_.instance_confirmed(instance); }

void shard_handlers::channel_drained(const instance_ref& instance) {
    listener_.channel_drained(instance, shard_.index());
}

void shard_handlers::wait_for_frames(const instance_ref& instance, unsigned on_shard, std::uint64_t count) {
    shard_.post_to(on_shard,
                   [there = all_[on_shard], epoch = instance.epoch, count, waiting = shard_.index()](exchange::shard&) {
                       there->with_channel(epoch, "who waits for a channel",
                                           [&](channel& c) { c.wake_when_executed(count, waiting); });
                   });
}

void shard_handlers::tell_waiter(const instance_ref& instance, unsigned waiting_shard) {
    shard_.post_to(waiting_shard, [there = all_[waiting_shard], epoch = instance.epoch](exchange::shard&) {
        there->with_channel(epoch, "a channel that may go on", [](channel& c) { c.after_may_be_met(); });
    });
}

std::uint64_t shard_handlers::uptime_ms() const {
    using namespace std::chrono;
    return static_cast<std::uint64_t>(duration_cast<milliseconds>(steady_clock::now() - started_).count());
}

bool shard_handlers::sweep(std::uint64_t now_ms) {
    bool wants_more = false;
    // By index from the back: a channel that is lost leaves the list.
    for (std::size_t i = channels_.size(); i-- > 0;)
        if (i < channels_.size() && channels_[i]->sweep(now_ms)) wants_more = true;
    if (retired_.empty() && retired_one_shots_.empty()) return wants_more;
    // Not at once, since they are swept themselves, and one may be in the middle of a call.
    shard_.at_turn_end([this] { release_retired(); });
    return true;
}

std::vector<handler_load> shard_handlers::load() const {
    std::vector<handler_load> loads;
    for (const auto& [name, queue] : queues_) {
        handler_load& one = loads.emplace_back();
        one.name = name;
        one.waiting = queue->waiting();
        one.waiting_bytes = queue->waiting_bytes();
        for (const auto& c : channels_)
            if (c->handler() == name) one.in_flight[c->instance().epoch] = c->in_flight();
    }
    for (const auto& [name, queue] : one_shot_queues_)
        loads.push_back({name, queue->waiting(), queue->waiting_bytes(), {{0, queue->in_flight()}}});
    return loads;
}

}  // namespace bester::handlers
