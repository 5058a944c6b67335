#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/executor.hpp"
#include "exchange/framed_stream.hpp"
#include "exchange/group_table.hpp"
#include "exchange/handler_port.hpp"
#include "exchange/numbered_slots.hpp"
#include "exchange/peer_port.hpp"
#include "handlers/channel_host.hpp"
#include "handlers/handler_settings.hpp"
#include "handlers/liveness.hpp"
#include "handlers/outlet.hpp"
#include "handlers/overdue_messages.hpp"
#include "handlers/running_time.hpp"
#include "wire/handler_codec.hpp"
#include "wire/token_bucket.hpp"

namespace bester::handlers {

class handler_queue;
class shard_handlers;

/// How many frames of one instance each shard has executed; shared by that instance's channels. Each entry is written
/// by its shard and read by the others.
struct instance_progress {
    explicit instance_progress(unsigned shards) : executed(shards), heard_ms(shards) {}
    std::vector<std::atomic<std::uint64_t>> executed;
    std::vector<std::atomic<std::uint64_t>> heard_ms;  ///< when the last frame came, on the clock that all shards read
};

/// The stream between one shard and one instance, after the hello: messages out, answers, pushes
/// and queries in, as proto-docs/handler.md says. Owned by shard_handlers, on the shard's thread.
///
/// A message is held from send() until its answer, its deadline or the end of the channel; then its sender gets the
/// status, exactly once.
class channel final : public exchange::framed_stream,
                      public outlet,
                      public exchange::command_source,
                      public exchange::session_observer,
                      public exchange::group_observer,
                      public exchange::peer_observer {
public:
    channel(shard_handlers& owner, handler_queue& queue, channel_offer&& offer,
            std::shared_ptr<instance_progress> progress);
    ~channel() override;

    /// Sends the snapshot if events are wanted, and reads.
    void begin();
    /// All channels of the instance are open: messages may be sent.
    void become_ready();
    /// Takes nothing new and asks the handler to finish.
    void drain();
    /// Ends the channel; messages that it held are given to another instance where that is allowed, or fail.
    void fail(std::string_view reason);
    using framed_stream::fail;

    // As outlet.
    unsigned number() const noexcept override { return instance_.number; }
    bool has_room() const noexcept override;
    void send(const exchange::envelope_view& message, std::string_view data, const queue_place& place) override;
    void list_held(std::vector<std::uint64_t>& orders) const override;

    const instance_ref& instance() const noexcept { return instance_; }
    const handler_queue& queue() const noexcept { return queue_; }
    const exchange::command_rights* rights() const noexcept override;
    bool take_command(std::uint64_t now_ms) noexcept override;
    std::size_t in_flight() const noexcept { return held_.size(); }

    /// Checks the deadlines of messages and of `after`, and whether the instance lives. Returns whether there is more
    /// to check.
    bool sweep(std::uint64_t now_ms);
    /// Another shard's channel of this instance waits until this one has executed `count` frames.
    void wake_when_executed(std::uint64_t count, unsigned waiting_shard);
    /// The frames that this channel waited for may have been executed.
    void after_may_be_met();
    /// Tells other shards how many frames have been executed here; at the end of a turn, after the mail of these frames
    /// is posted.
    void publish_progress();
    /// Ends the channel now.
    void lost(std::string_view reason, loss why = loss::broken);

    // As command_source and session_observer.
    const std::string& handler() const noexcept override { return instance_.handler; }
    /// The value from the instance's start: a change in the config is for the next instance.
    const std::string& groups_owner() const noexcept override { return groups_owner_; }
    std::size_t most_recipients() const noexcept override;
    void notify(std::string_view frame) noexcept override;
    void miss_frame() noexcept override { fail_later(); }
    std::uint64_t source_id() const noexcept override { return source_id_; }
    exchange::instance_mark mark() const noexcept override;
    void on_connected(const exchange::session& who) noexcept override;
    void on_disconnected(const exchange::session& who) noexcept override;
    void on_membership(const exchange::session& who, std::string_view group, bool has_joined,
                       const exchange::instance_mark& by) noexcept override;
    void on_group(std::string_view group, std::size_t sessions) noexcept override;
    void on_peer_up(std::string_view server) noexcept override;
    void on_peer_down(std::string_view server) noexcept override;

private:
    struct held_message {
        exchange::envelope message;
        std::string data;  ///< kept only if it may be given to another instance
        queue_place place;
        std::uint64_t sent_ms = 0;
        std::uint64_t stream_begin = 0;  ///< position of its frame in the stream of all output
        std::uint32_t frame_size = 0;
        std::uint32_t data_size = 0;
    };
    /// Whether the channel is given messages.
    ///
    ///   open ──drain()──▶ draining ──nothing is held──▶ drained, which its owner is told
    enum class service : std::uint8_t { open, draining, drained };
    /// Whether the channel is usable.
    ///
    ///   whole ──notify() without room──▶ overfull: the owner is told at the end of the turn, and loses it
    ///     └──────────┴──fail()──▶ failing: the instance is lost; the last frames that it sent are read
    ///     └──────────┴──────────────┴──lost(), nothing left to be read──▶ ending: it is closed
    enum class life : std::uint8_t { whole, overfull, failing, ending };
    struct waiter {
        std::uint64_t count;
        unsigned shard;
    };

    exchange::frame_verdict on_frame(std::string_view body) override;
    void on_bad_frame(bool is_too_large) override;
    void on_end_of_input() override;
    void on_dry() override;
    bool is_read_to_the_end() const noexcept override { return true; }
    void on_closed(exchange::close_reason reason) override;

    bool take_answer();
    bool take_push();
    void answer_query();
    void refuse_query(std::string_view reason);
    void list_clients();
    void list_group();
    bool must_wait();
    void heard();
    bool was_heard_elsewhere() const noexcept;
    bool expire(std::uint64_t now_ms);
    bool judge(std::uint64_t now_ms, bool is_owed, bool was_missed);
    void hangs(std::uint64_t now_ms);
    void log_timeout(const held_message& missed, std::uint64_t now_ms);
    std::string held_messages(std::uint64_t now_ms) const;
    void queue_notice(std::string_view frame);
    void queue_frame(std::string_view frame);
    bool must_run_mail_first();
    void executed_one();
    std::uint64_t published() const noexcept;
    void tell_waiters();
    void publish_after_the_end();
    void protocol_error(std::string_view what);
    void release(std::uint64_t id, held_message& ended);
    void check_drained();
    std::string reached_peers() const;
    void send_snapshot();
    template <class Complete>
    void tell_event(std::string_view event, Complete&& complete) noexcept;
    void tell_session(std::string_view event, const exchange::session& who, bool has_path) noexcept;
    void tell_peer(std::string_view event, std::string_view server) noexcept;
    void give_up_held();
    std::string take_unsent(const held_message& used) const;

    shard_handlers& owner_;
    handler_queue& queue_;
    instance_ref instance_;
    std::string received_;
    handler_wishes wishes_;
    std::string groups_owner_;
    std::uint64_t source_id_;
    wire::handler_frame frame_;
    exchange::numbered_slots<held_message, most_window> held_;  ///< by the id that the handler answers
    wire::token_bucket budget_;
    std::size_t kept_bytes_ = 0;  ///< bytes of `data` of the messages that are held
    std::uint64_t total_queued_ = 0;
    liveness liveness_;
    std::uint64_t heard_ms_ = 0;
    overdue_messages overdue_;
    std::uint64_t last_event_ = 0;
    std::shared_ptr<instance_progress> progress_;
    std::vector<std::uint64_t> seen_executed_;         ///< progress_ when this shard had mail, at mail_runs_
    std::vector<std::uint64_t> executed_before_mail_;  ///< frames whose mail for this shard has been run, by shard
    std::uint64_t mail_runs_ = 0;
    bool awaits_mail_ = false;
    exchange::command_progress executing_;  ///< of the frame that takes several turns
    std::uint64_t answering_ = 0;           ///< the message that this frame answers; 0: none
    wire::after_entry awaited_{};           ///< what the frame that waits for others needs next
    std::uint64_t executed_ = 0;
    std::vector<waiter> waiters_;
    running_time after_;  ///< since a frame waits for those that it comes after
    service service_ = service::open;
    life life_ = life::whole;
    std::string lost_reason_;
};

}  // namespace bester::handlers
