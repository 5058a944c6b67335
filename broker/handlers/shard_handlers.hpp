#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "exchange/shard.hpp"
#include "handlers/channel.hpp"
#include "handlers/channel_host.hpp"
#include "handlers/handler_queue.hpp"
#include "handlers/handler_settings.hpp"
#include "handlers/one_shot_queue.hpp"

namespace bester::handlers {

/// The calls of the shards to the control plane. Called on shards' threads; posts and returns.
class instance_listener {
public:
    virtual ~instance_listener() = default;
    virtual void channel_lost(const instance_ref& instance, const std::string& reason, loss why) = 0;
    virtual void channel_drained(const instance_ref& instance, unsigned shard) = 0;
    virtual void instance_confirmed(const instance_ref& instance) = 0;
};

/// The settings of all entries, shared by the shards.
using handler_list = std::vector<std::shared_ptr<const handler_settings>>;

/// The load of one handler on one shard, for status.
struct handler_load {
    std::string name;
    std::size_t waiting = 0;
    std::size_t waiting_bytes = 0;
    std::map<std::uint64_t, std::size_t> in_flight;  ///< by epoch of the instance; a one-shot handler's under 0
};

/// One shard's handlers: a queue for each entry, a channel for each instance. On the shard's
/// thread, apart from the constructor.
class shard_handlers final : public exchange::swept {
public:
    /// `all`: those of all shards by index, filled before any shard runs. `one_shots` must outlive it.
    shard_handlers(exchange::shard& on, const std::vector<shard_handlers*>& all, instance_listener& listener,
                   one_shot_runner& one_shots, std::chrono::steady_clock::time_point started);
    ~shard_handlers() override;

    /// Makes the entries' queues and the routing table; keeps unchanged entries, retires removed ones.
    void apply(const handler_list& entries, std::chrono::milliseconds busy_timeout);
    void open(channel_offer&& offer, std::shared_ptr<instance_progress> progress);
    void ready(const instance_ref& instance);
    void drain(const instance_ref& instance);
    void close(const instance_ref& instance, const std::string& reason);
    std::vector<handler_load> load() const;

    bool sweep(std::uint64_t now_ms) override;

    // For channel.
    exchange::shard& shard() noexcept { return shard_; }
    std::uint64_t uptime_ms() const;
    void channel_lost(const instance_ref& instance, const std::string& reason, loss why);
    /// The instance says that it is ready.
    void instance_confirmed(const instance_ref& instance);
    void channel_drained(const instance_ref& instance);
    void closed(channel& gone);
    /// Runs at the end of the turn, if the channel of this instance still exists then.
    void publish_later(std::uint64_t epoch);
    /// Calls `work(channel&)` for the channel of this instance, if it stands; an exception ends the channel.
    template <class Work>
    void with_channel(std::uint64_t epoch, const char* where, Work&& work) {
        channel* const to = find(epoch);
        if (to && !shard_.guarded(where, [&] { work(*to); })) to->miss_frame();
    }
    void lose_later(std::uint64_t epoch, std::string reason);
    /// Asks another shard's channel of the instance to tell when it has executed `count` frames.
    void wait_for_frames(const instance_ref& instance, unsigned on_shard, std::uint64_t count);
    void tell_waiter(const instance_ref& instance, unsigned waiting_shard);

private:
    channel* find(const instance_ref& instance) const;
    bool is_in_use(const handler_queue& queue) const;
    void release_retired();
    channel* find(std::uint64_t epoch) const;

    exchange::shard& shard_;
    const std::vector<shard_handlers*>& all_;
    instance_listener& listener_;
    one_shot_runner& one_shots_;
    std::chrono::steady_clock::time_point started_;
    std::map<std::string, std::unique_ptr<handler_queue>> queues_;
    std::map<std::string, std::unique_ptr<one_shot_queue>> one_shot_queues_;
    /// Queues of removed or replaced entries, kept as long as channels and messages in flight refer to them.
    std::vector<std::unique_ptr<handler_queue>> retired_;
    std::vector<std::unique_ptr<one_shot_queue>> retired_one_shots_;
    std::vector<std::unique_ptr<channel>> channels_;
};

}  // namespace bester::handlers
