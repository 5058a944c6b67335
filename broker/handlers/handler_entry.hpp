#pragma once

#include "handlers/handler_status.hpp"
#include "handlers/instance.hpp"

#include <asio/steady_timer.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace bester::handlers {

/// The state that all entries of a supervisor share; outlives them.
struct entry_services {
    const instance_services& instances;
    std::function<std::uint64_t()> next_epoch;
    std::function<double()> random;  ///< in [0, 1)
};

/// Returns whether a change from `before` to `after` needs new processes. Settings that only the router, the channels
/// or the supervisor read (types, deadlines, number of instances, …) do not.
bool needs_new_process(const handler_settings& before, const handler_settings& after);

/// One config entry with processes: keeps `instances` of them alive, one in each slot, and replaces them one at a time.
/// In mode `beside` a new one is started beside the old one, and when it is ready the old one drains; a replacement
/// that never gets ready leaves the old one in service. In mode `after` the old one drains first, and the new one is
/// started when its process has ended: no slot ever has two processes.
///
/// Owned by the supervisor; everything on the control thread. Held by a shared_ptr only so that pending timers can find
/// out that it is gone.
class handler_entry : public std::enable_shared_from_this<handler_entry> {
public:
    using clock = std::chrono::steady_clock;

    /// `idle` is called when the last instance is gone and none is wanted; it may destroy the entry.
    handler_entry(const entry_services& services, handler_settings settings, std::function<void(handler_entry&)> idle);

    /// Starts the instances that are missing.
    void start();
    /// Takes changed settings, replacing or only adding and removing instances as needed; a
    /// drained entry stays drained.
    void update(handler_settings settings);
    /// Replaces all instances, one after the other; starts them if they were drained.
    void restart();
    /// Drains and stops all instances, at `limit` at the latest, and wants none.
    void drain(clock::time_point limit);
    /// See supervisor::go_on.
    void go_on();
    /// How long a drain may take: until every deadline has passed, at least the stop grace.
    clock::time_point drain_limit() const;

    /// Admits a process that was started by hand as an instance.
    tl::expected<instance*, refusal> attach(pid_t pid);
    instance* find_by_token(const std::string& token) const;
    instance* find_by_key(const std::string& key) const;
    instance* find(const instance_ref& ref) const;

    const handler_settings& settings() const noexcept { return settings_; }
    bool is_idle() const noexcept;
    handler_status status() const;

private:
    struct slot {
        slot(asio::io_context& io, unsigned place, const restart_settings& restart)
            : number(place), policy(restart), timer(io) {}

        unsigned number;
        std::shared_ptr<instance> serving;  // the instance that has been ready
        std::shared_ptr<instance> coming;   // not ready yet; beside a serving one it is its replacement
        restart_policy policy;
        asio::steady_timer timer;
        clock::time_point due{};  // when `backing_off`
        bool backing_off = false;
        unsigned restarts = 0;
        std::string last_exit;
        std::string last_output;
    };

    std::shared_ptr<instance> make_instance(slot& in);
    void resize();
    void begin(slot& in);
    void begin_later(slot& in, std::chrono::milliseconds delay);
    void cancel_backoff(slot& in);
    void replace_all();
    void roll();
    bool is_vacant(const slot& in) const noexcept;
    bool is_being_left(const slot& in) const noexcept;
    void retire(std::shared_ptr<instance>& old, clock::time_point limit);
    void became_ready(instance& which);
    void ended(instance& which, const instance_end& end);
    void ended_in_service(slot& in, instance& which, const instance_end& end);
    instance_status status_of(const slot& in, const instance& which) const;

    template <class Predicate>
    instance* find_if(Predicate matches) const;

    const entry_services& services_;
    handler_settings settings_;
    std::function<void(handler_entry&)> idle_;
    bool wanted_ = false;
    unsigned generation_ = 1;  // instances of an older generation are to be replaced
    std::vector<std::unique_ptr<slot>> slots_;
    std::vector<std::shared_ptr<instance>> retired_;
};

}  // namespace bester::handlers
