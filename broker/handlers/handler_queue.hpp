#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/handler_port.hpp"
#include "exchange/shard.hpp"
#include "handlers/handler_settings.hpp"
#include "handlers/waiting_list.hpp"

namespace bester::handlers {

class channel;

/// One shard's way to a handler with processes: chooses the instance by the sender's session, so
/// that the order of a session's messages holds, and keeps what has to wait, within limits.
class handler_queue final : public exchange::handler_port, public exchange::swept {
public:
    handler_queue(exchange::shard& on, std::shared_ptr<const handler_settings> settings,
                  std::chrono::milliseconds busy_timeout);
    ~handler_queue() override;

    exchange::submit_result submit(const exchange::envelope_view& message, std::string_view type,
                                   std::string_view data) override;
    const std::string& name() const noexcept override { return settings_->name; }

    void apply(std::shared_ptr<const handler_settings> settings, std::chrono::milliseconds busy_timeout);
    const handler_settings& settings() const noexcept { return *settings_; }
    /// What the handler may command; null: everything.
    const exchange::command_rights* rights() const noexcept { return is_limited_ ? &settings_->may : nullptr; }
    /// No more messages will come: ends those that wait.
    void retire();

    /// An instance takes messages from now on, or no more.
    void add_ready(channel& instance);
    void remove_ready(channel& instance);
    /// A place in the instance's window has become free.
    void room_at(channel& instance);
    /// Gives a message that an instance did not get, or may get twice, to another one.
    void resubmit(exchange::envelope&& message, std::string&& data, std::uint64_t deadline_ms);

    std::size_t ready_instances() const noexcept { return ready_.size(); }
    std::size_t waiting() const noexcept;
    bool sweep(std::uint64_t now_ms) override;

private:
    template <class Envelope>
    channel* instance_for(const Envelope& message) const noexcept;
    void enqueue(waiting_message&& waiting);
    void reassign();
    std::uint64_t deadline_of(std::string_view type) const;
    std::size_t most_waiting() const noexcept;

    exchange::shard& shard_;
    std::shared_ptr<const handler_settings> settings_;
    std::chrono::milliseconds busy_timeout_;
    bool is_limited_;              ///< has `may`
    std::vector<channel*> ready_;  ///< by instance number
    waiting_list unassigned_;      ///< while no instance is ready
    std::uint64_t last_serial_ = 0;
};

}  // namespace bester::handlers
