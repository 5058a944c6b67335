#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "exchange/handler_port.hpp"
#include "exchange/shard.hpp"
#include "handlers/handler_settings.hpp"
#include "handlers/outlet.hpp"
#include "handlers/waiting_room.hpp"

namespace bester::handlers {

/// One shard's entrance to a handler with processes: chooses the instance of each message and keeps messages that have
/// to wait, within bounds. A waiting message holds up only later messages of the same order.
///
/// The order of a message is its key or, without one, its sender's session. Messages of one order go to one instance,
/// by serial. When a change of the instances moves an order to another instance while the old one still holds messages
/// of it, later messages of the order wait messages that wait until those have ended: an order is never at two
/// instances at a time.
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
    /// The rights of the handler; null: everything is allowed.
    const exchange::command_rights* rights() const noexcept { return is_limited_ ? &settings_->may : nullptr; }
    /// Ends the messages that wait; no more will come.
    void retire() noexcept;

    /// An instance takes messages from now on, or takes no more but may still hold some.
    void add_ready(outlet& instance);
    void remove_ready(outlet& instance);
    // An exception that leaves one of these two means that the instance has to be ended, as to the queue.
    /// A message that the instance held has ended. The queue hands over no message before room_at().
    void ended(std::uint64_t order);
    /// There may be room in the instance's window.
    void room_at(outlet& instance);

    /// The end of an instance: first withdraw() it, then give_back() the messages that it did not get or that may be
    /// given twice, which keep their places, then forget() it, which hands them over.
    void withdraw(outlet& instance);
    /// Without the memory for it the message and its data are left as they are.
    void give_back(exchange::envelope&& message, std::string&& data, const queue_place& place);
    void forget(outlet& instance);

    std::size_t waiting() const noexcept { return room_.messages() + evicted_.size(); }
    std::size_t waiting_bytes() const noexcept { return room_.bytes(); }
    bool sweep(std::uint64_t now_ms) override;

private:
    struct gate {
        explicit gate(outlet& of) noexcept : instance{&of}, number{of.number()} {}
        outlet* instance;
        unsigned number;          ///< the instance's
        waiting_room::line line;  ///< messages that wait for room in its window
    };
    /// An order whose next messages belong to another instance than the one that still holds some.
    struct pin {
        std::size_t held = 0;
        waiting_room::line line;  ///< until those have ended
    };

    /// Tells the senders of messages that gave way; at the end of the turn, since the caller of submit() may be
    /// executing commands.
    class eviction_teller final : public exchange::turn_worker {
    public:
        explicit eviction_teller(handler_queue& of) noexcept : turn_worker{exchange::work_phase::ending}, queue_{of} {}
        void work_in_turn() override { queue_.fail(queue_.evicted_, wire::error_code::busy); }

    private:
        handler_queue& queue_;
    };

    gate* gate_for(std::uint64_t order) const noexcept;
    void enqueue(waiting_message&& waiting);
    void settle();
    void hand_over(gate& at);
    void fail(waiting_room::message_list& failed, wire::error_code late) noexcept;
    std::uint64_t deadline_of(std::string_view type) const;

    exchange::shard& shard_;
    std::shared_ptr<const handler_settings> settings_;
    std::chrono::milliseconds busy_timeout_;
    bool is_limited_;  ///< has `may`
    waiting_room room_;
    std::vector<std::unique_ptr<gate>> ready_;     ///< by instance number
    std::vector<outlet*> leaving_;                 ///< instances that take no more messages, but may hold some
    waiting_room::line unassigned_;                ///< messages that wait while no instance is ready
    std::unordered_map<std::uint64_t, pin> pins_;  ///< by order; empty most of the time
    waiting_room::message_list evicted_;           ///< to be told `busy` at the end of the turn
    eviction_teller eviction_teller_{*this};
    bool was_unpinned_ = false;
    bool is_retired_ = false;
    std::uint64_t last_serial_ = 0;
};

/// Returns the origin for whose share of a waiting room a message counts: its sender's session, or the handler or
/// server that brought it.
std::uint64_t origin_of(const exchange::envelope_view& message) noexcept;
/// Returns the bounds of one shard's waiting room; those of the entry are for all shards together.
waiting_room::bounds room_bounds(const handler_settings& settings, std::size_t shards) noexcept;

}  // namespace bester::handlers
