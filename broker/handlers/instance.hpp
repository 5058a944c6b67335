#pragma once

#include "handlers/channel_host.hpp"
#include "handlers/handler_settings.hpp"
#include "handlers/handshake.hpp"
#include "handlers/instance_life.hpp"
#include "handlers/instance_output.hpp"
#include "handlers/process.hpp"
#include "handlers/restart_policy.hpp"

#include <asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bester::handlers {

class guard;
class instance;

/// The services that all instances of a supervisor share; outlives them.
struct instance_services {
    asio::io_context& io;
    channel_host& host;
    guard* watcher;  ///< may be null
    std::string socket_path;
    std::string server_name;
};

/// Output of an instance whose life is over.
struct instance_end {
    std::string reason;  ///< in words
    finished_run run;
};

/// The calls of an instance to its owner, on the control thread.
struct instance_events {
    std::function<void(instance&)> ready;  ///< once, within the channel_opened of its last channel, or within confirmed
    std::function<void(instance&, const instance_end&)> gone;  ///< once, last of all, never within a call
};

/// "0.5 s", "12 s" for log lines.
std::string in_seconds(std::chrono::milliseconds span);

/// One life of one instance of a handler: from the start of its process (or from its first hello, if it was started by
/// hand) until the process and all channels have ended.
///
/// Its states are those of instance_life. stopping: its channels are closed, SIGTERM (`hang_signal` if it hangs) was
/// sent, SIGKILL follows after `stop_grace`. A drained instance has a moment to exit by itself first. All functions on
/// the control thread. Held by a shared_ptr only so that pending timers can find out that it is gone; its handler_entry
/// owns it.
class instance : public std::enable_shared_from_this<instance> {
public:
    using phase = instance_life::phase;
    using clock = std::chrono::steady_clock;

    instance(const instance_services& services, handler_settings settings, instance_ref ref, unsigned generation,
             instance_events events);

    /// Starts its process; a failure is reported by `gone`.
    void start_process();
    /// Takes the process `pid`, which was started by hand.
    void attach(pid_t pid);

    bool accepts_token(const std::string& token) const noexcept;
    bool accepts_key(const std::string& key) const noexcept;
    /// Reserves a shard's channel for a process of user `uid`; the first hello does not name a shard. All channels of
    /// an instance come from one user: the key alone opens none for another.
    tl::expected<admission, refusal> admit(const hello_message& hello, uid_t uid);
    /// The channel's welcome was sent.
    void channel_opened(channel_offer offer);

    /// Its process says that it is ready, as its hello promised.
    void confirmed();

    /// Ends the instance, which cannot be used any more: a channel broke, it broke the protocol, or it hangs. Changes
    /// nothing in a drain.
    void lost(const std::string& reason, loss why = loss::broken);
    /// Gives it no more messages; it stops when everything is answered, or at `limit`.
    void drain(clock::time_point limit);
    /// All shards have got its last answer.
    void drained();
    /// Ends the instance without draining it.
    void stop(const std::string& reason);
    /// See supervisor::go_on.
    void go_on();

    const instance_ref& ref() const noexcept { return ref_; }
    const std::string& label() const noexcept { return label_; }
    unsigned generation() const noexcept { return generation_; }
    phase current_phase() const noexcept { return life_.now(); }
    pid_t pid() const noexcept { return pid_; }
    std::chrono::system_clock::time_point started() const noexcept { return started_; }
    std::string last_output() const { return output_ ? output_->last_line() : std::string(); }

private:
    enum class timer_purpose { none, hello, exit_text, drain, leave, kill };

    welcome_message welcome_for(unsigned shard) const;
    void become_ready();
    void arm(timer_purpose purpose, clock::time_point at);
    void timer_fired();
    void process_ended(const exit_status& status);
    void close_channels(const std::string& reason);
    void let_leave(const std::string& reason);
    /// Closes its channels, tells its process to end, and kills it after `stop_grace`.
    void terminate(int signal);
    void finish(std::string reason, run_end kind);
    void tell_end();

    const instance_services& services_;
    handler_settings settings_;
    instance_ref ref_;
    std::string label_;
    unsigned generation_;
    instance_events events_;

    instance_life life_;
    std::string token_;  // empty once used, or if there is none
    std::string key_;
    std::vector<bool> admitted_;  // by shard
    std::vector<bool> open_;      // by shard
    hello_message first_hello_;
    uid_t uid_ = 0;            // of the process that said it
    int end_signal_ = 0;       // the signal that terminate() sent
    std::string lost_reason_;  // if it is lost
    instance_end end_;         // once it is gone

    pid_t pid_ = 0;
    std::shared_ptr<process> process_;
    std::unique_ptr<instance_output> output_;
    std::chrono::system_clock::time_point started_ = std::chrono::system_clock::now();
    clock::time_point started_at_ = clock::now();
    asio::steady_timer timer_;
    timer_purpose timer_purpose_ = timer_purpose::none;
    clock::time_point timer_deadline_{};
};

}  // namespace bester::handlers
