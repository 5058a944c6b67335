#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "exchange/shard.hpp"
#include "handlers/channel_host.hpp"
#include "handlers/shard_handlers.hpp"

namespace bester::handlers {

/// Connects the supervisor (control thread) and the shards: each calls the other through here, as posted work.
class handler_registry final : public channel_host, public instance_listener {
public:
    /// Functions of the control plane; called on any shard's thread, so they must post.
    struct callbacks {
        std::function<void(instance_ref, std::string reason, loss why)> channel_lost;
        std::function<void(instance_ref)> instance_drained;
        std::function<void(instance_ref)> instance_confirmed;
    };

    handler_registry(std::vector<exchange::shard*> shards, one_shot_runner& one_shots, callbacks to_control);
    ~handler_registry() override;

    /// Makes entries and routes on all shards; control thread.
    void apply(const handler_list& entries, std::chrono::milliseconds busy_timeout);
    shard_handlers& on_shard(unsigned index) noexcept { return *shard_handlers_[index]; }

    unsigned shards() const noexcept override;
    void open_channel(channel_offer offer) override;
    void instance_ready(const instance_ref& instance) override;
    void close_instance(const instance_ref& instance, const std::string& reason) override;
    void drain_instance(const instance_ref& instance) override;

    void channel_lost(const instance_ref& instance, const std::string& reason, loss why) override;
    void channel_drained(const instance_ref& instance, unsigned shard) override;
    void instance_confirmed(const instance_ref& instance) override;

private:
    std::vector<exchange::shard*> shards_;
    callbacks to_control_;
    std::vector<std::unique_ptr<shard_handlers>> shard_handlers_;
    std::vector<shard_handlers*> all_;
    std::mutex mutex_;  ///< guards the two maps, which shards use when an instance drains
    std::map<std::uint64_t, std::shared_ptr<instance_progress>> progress_;
    std::map<std::uint64_t, std::set<unsigned>> drained_;
};

}  // namespace bester::handlers
