#include "handlers/handler_registry.hpp"

namespace bester::handlers {

handler_registry::handler_registry(std::vector<exchange::shard*> shards, one_shot_runner& one_shots,
                                   callbacks to_control)
    : shards_{std::move(shards)}, to_control_{std::move(to_control)} {
    const auto started = std::chrono::steady_clock::now();
    for (exchange::shard* shard : shards_)
        shard_handlers_.push_back(std::make_unique<shard_handlers>(*shard, all_, *this, one_shots, started));
    for (const auto& made : shard_handlers_) all_.push_back(made.get());
}

handler_registry::~handler_registry() = default;

void handler_registry::apply(const handler_list& entries, std::chrono::milliseconds busy_timeout) {
    const auto shared = std::make_shared<const handler_list>(entries);
    for (unsigned s = 0; s < shards_.size(); ++s)
        shards_[s]->post(
            [there = all_[s], shared, busy_timeout](exchange::shard&) { there->apply(*shared, busy_timeout); });
}

unsigned handler_registry::shards() const noexcept { return static_cast<unsigned>(shards_.size()); }

void handler_registry::open_channel(channel_offer offer) {
    const unsigned s = offer.shard;
    std::shared_ptr<instance_progress> progress;
    {
        const std::lock_guard lock{mutex_};
        auto& entry = progress_[offer.instance.epoch];
        if (!entry) entry = std::make_shared<instance_progress>(shards());
        progress = entry;
    }
    auto kept = std::make_unique<channel_offer>(std::move(offer));
    shards_[s]->post([there = all_[s], given = std::move(kept), progress](exchange::shard&) {
        there->open(std::move(*given), progress);
    });
}

void handler_registry::instance_ready(const instance_ref& instance) {
    for (unsigned s = 0; s < shards_.size(); ++s)
        shards_[s]->post([there = all_[s], ref = instance](exchange::shard&) { there->ready(ref); });
}

void handler_registry::close_instance(const instance_ref& instance, const std::string& reason) {
    {
        const std::lock_guard lock{mutex_};
        progress_.erase(instance.epoch);
        drained_.erase(instance.epoch);
    }
    const auto text = std::make_shared<const std::string>(reason);
    for (unsigned s = 0; s < shards_.size(); ++s)
        shards_[s]->post([there = all_[s], ref = instance, text](exchange::shard&) { there->close(ref, *text); });
}

void handler_registry::drain_instance(const instance_ref& instance) {
    {
        const std::lock_guard lock{mutex_};
        drained_[instance.epoch];
    }
    for (unsigned s = 0; s < shards_.size(); ++s)
        shards_[s]->post([there = all_[s], ref = instance](exchange::shard&) { there->drain(ref); });
}

void handler_registry::channel_lost(const instance_ref& instance, const std::string& reason, loss why) {
    to_control_.channel_lost(instance, reason, why);
}

void handler_registry::instance_confirmed(const instance_ref& instance) { to_control_.instance_confirmed(instance); }

void handler_registry::channel_drained(const instance_ref& instance, unsigned shard) {
    {
        const std::lock_guard lock{mutex_};
        // An instance that was closed meanwhile is not noted, since nothing would remove it again.
        if (!progress_.contains(instance.epoch) && !drained_.contains(instance.epoch)) return;
        std::set<unsigned>& shards_done = drained_[instance.epoch];
        shards_done.insert(shard);
        if (shards_done.size() < shards_.size()) return;
        drained_.erase(instance.epoch);
    }
    to_control_.instance_drained(instance);
}

}  // namespace bester::handlers
