#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "exchange/handler_port.hpp"
#include "exchange/shard.hpp"
#include "handlers/handler_settings.hpp"
#include "handlers/one_shot.hpp"
#include "handlers/waiting_room.hpp"
#include "wire/token_bucket.hpp"

namespace bester::handlers {

/// Calls handlers of the original daemon, on threads other than the shards.
class one_shot_runner {
public:
    virtual ~one_shot_runner() = default;
    /// Any thread. `done` is called once, on any thread.
    virtual void call(std::string socket_path, std::string data, std::chrono::milliseconds limit,
                      std::size_t size_limit, std::function<void(one_shot_result)> done) = 0;
};

/// One shard's entrance to a handler of the original daemon: a connection for each message, as many at once as its
/// window allows. Answers are executed like those of any other handler.
class one_shot_queue final : public exchange::handler_port, public exchange::swept, public exchange::command_source {
public:
    one_shot_queue(exchange::shard& on, one_shot_runner& runner, std::shared_ptr<const handler_settings> settings,
                   std::chrono::milliseconds busy_timeout);
    ~one_shot_queue() override;

    exchange::submit_result submit(const exchange::envelope_view& message, std::string_view type,
                                   std::string_view data) override;
    const std::string& name() const noexcept override { return settings_->name; }

    void apply(std::shared_ptr<const handler_settings> settings, std::chrono::milliseconds busy_timeout);
    void retire();
    std::size_t waiting() const noexcept { return room_.messages() + evicted_.size(); }
    std::size_t waiting_bytes() const noexcept { return room_.bytes(); }
    std::size_t in_flight() const noexcept { return calls_.size(); }
    bool sweep(std::uint64_t now_ms) override;

    const std::string& handler() const noexcept override { return settings_->name; }
    const std::string& groups_owner() const noexcept override { return settings_->groups_owner(); }
    std::size_t most_recipients() const noexcept override { return settings_->recipients; }
    const exchange::command_rights* rights() const noexcept override { return is_limited_ ? &settings_->may : nullptr; }
    bool take_command(std::uint64_t now_ms) noexcept override;
    void notify(std::string_view) noexcept override {}
    std::uint64_t source_id() const noexcept override { return 0; }

private:
    /// Tells the senders of messages that gave way; at the end of the turn, since the caller of submit() may be
    /// executing commands.
    class eviction_teller final : public exchange::turn_worker {
    public:
        explicit eviction_teller(one_shot_queue& of) noexcept : turn_worker{exchange::work_phase::ending}, queue_{of} {}
        void work_in_turn() override {
            queue_.fail(queue_.evicted_, wire::error_code::busy, wire::describe(wire::error_code::busy).meaning);
        }

    private:
        one_shot_queue& queue_;
    };

    bool has_room() const noexcept;
    void call(exchange::envelope&& message, std::string&& data, std::uint64_t deadline_ms) noexcept;
    void called(std::uint64_t id, const one_shot_result& result) noexcept;
    void execute(std::uint64_t id, const exchange::envelope& message, const one_shot_answer& answer);
    void fail(waiting_room::message_list& failed, wire::error_code code, std::string_view reason) noexcept;

    exchange::shard& shard_;
    one_shot_runner& runner_;
    std::shared_ptr<const handler_settings> settings_;
    std::chrono::milliseconds busy_timeout_;
    bool is_limited_;  ///< has `may`
    wire::token_bucket budget_;
    waiting_room room_;
    waiting_room::line line_;
    waiting_room::message_list evicted_;  ///< to be told `busy` at the end of the turn
    eviction_teller eviction_teller_{*this};
    std::unordered_map<std::uint64_t, exchange::envelope> calls_;
    std::uint64_t last_call_ = 0;
};

}  // namespace bester::handlers
