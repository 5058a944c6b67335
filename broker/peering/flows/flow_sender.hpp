#pragma once

#include "peering/flows/message_store.hpp"
#include "peering/flows/ring.hpp"
#include "wire/link_codec.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace bester::peering {

/// Bounds of the messages that wait for one destination.
struct flow_settings {
    std::size_t most_messages = 10'000;
    std::size_t most_bytes = std::size_t{64} << 20;    ///< bytes of memory for them
    std::chrono::milliseconds resume_window{120'000};  ///< how long messages wait for a sign of the destination
    std::chrono::milliseconds resend_after{
        5'000};  ///< without progress, after which a probe is sent; sooner on a new route
};

/// Why a message is given up.
enum class flow_failure : std::uint8_t {
    expired,      ///< its deadline passed; it may have arrived only if it had been sent
    unreachable,  ///< no route, or no answer, within the resume window; it was never sent
    lost,         ///< it was sent and may have arrived, but no acknowledgement can come any more
};
std::string_view to_string(flow_failure why) noexcept;

/// The answer to a message that was offered with a `ref`.
struct failed_message {
    std::uint64_t ref = 0;
    flow_failure why{};

    bool operator==(const failed_message&) const = default;
};

/// The next frame for a link: a message, or a probe, which asks the destination what has arrived.
struct outgoing {
    bool is_probe = false;
    std::uint64_t flow = 0;
    std::uint64_t number = 0;  ///< the message's sequence, or the probe's `next`
    std::string_view body;     ///< valid until the sender is called again
};

/// Counters since the sender was made.
struct flow_counters {
    std::uint64_t sent = 0;  ///< messages sent for the first time
    std::uint64_t resent = 0;
    std::uint64_t acknowledged = 0;
    std::uint64_t expired = 0;
    std::uint64_t unreachable = 0;
    std::uint64_t lost = 0;
};

/// The origin's end of a flow: all messages from this server to one destination, over any links. It numbers messages,
/// keeps them until they are acknowledged, and sends them again after a link was cut. Pure; belongs to one thread.
///
///     waiting:  offered, without a number  ──next_to_send──▶  sent:  numbered, kept for a resend
///                                                             ▲ base_      ▲ cursor_
///
/// A flow begins with a probe for sequence 1, and messages are sent when that is acknowledged; after each change of
/// route it sends a probe first as well. So messages are on their way only to a destination that knows the flow, and an
/// answer `unknown` can only mean that the destination forgot it (was restarted): messages sent before are then `lost`,
/// all others go on in a new flow.
///
/// Outputs: next_to_send gives frames, and the functions that take `failed` append to it each message
/// that is given up and had a `ref` other than 0, exactly once.
class flow_sender {
public:
    using time_point = std::chrono::steady_clock::time_point;
    static constexpr time_point no_deadline = time_point::max();
    /// An answer that asks for a flow id above this does not come from a clock and is ignored.
    static constexpr std::uint64_t most_told_flow = std::uint64_t{1} << 53;

    /// Flow ids begin with `first_flow` and grow; a later run of this server should begin higher (as the wall clock's
    /// milliseconds do), else its destinations make it begin higher.
    flow_sender(const flow_settings& settings, std::uint64_t first_flow);

    /// Keeps a copy of an encoded message (wire/link_message.hpp); returns false if there is no room.
    bool offer(time_point now, std::string_view body, time_point deadline, std::uint64_t ref);
    /// Returns the frame to send now, if any, and counts it as sent. To be called as long as the link has room.
    std::optional<outgoing> next_to_send(time_point now);

    /// Makes a message that next_to_send returned void, since it does not fit through the link. Returns its ref.
    std::uint64_t withdraw(std::uint64_t number) noexcept;

    /// There is a route to the destination (again, or another one).
    void on_route_up(time_point now) noexcept;
    void on_route_down(time_point now) noexcept;
    void on_acknowledgement(time_point now, std::uint64_t flow, std::uint64_t next, wire::acknowledgement_kind kind,
                            std::vector<failed_message>& failed);
    /// Checks deadlines, the resume window and missing progress; to be called from time to time.
    void on_timer(time_point now, std::vector<failed_message>& failed);
    /// Gives up everything, as if the resume window had passed, after the peer was removed.
    void fail_all(time_point now, std::vector<failed_message>& failed);
    /// Applies from now on; messages that wait already stay.
    void use(const flow_settings& settings) noexcept;

    /// Returns whether next_to_send would return a frame.
    bool has_unsent() const noexcept {
        return has_route_ &&
               (probe_wanted_ || (phase_ == phase::open && (cursor_ < base_ + sent_.size() || live_waiting_ != 0)));
    }
    std::size_t queued_messages() const noexcept { return live_waiting_ + sent_.size(); }
    std::size_t unacknowledged_messages() const noexcept { return sent_.size(); }
    std::size_t queued_bytes() const noexcept { return store_.bytes(); }
    std::size_t bytes_held() const noexcept { return store_.bytes_held(); }
    std::uint64_t flow() const noexcept { return flow_; }
    const flow_counters& counters() const noexcept { return counters_; }

private:
    struct entry {
        stored_bytes bytes;
        bool is_given_up = false;  ///< its sender was told; its bytes are freed
        std::uint64_t ref = 0;
        time_point deadline{};
    };
    enum class phase : std::uint8_t {
        opening,  ///< the destination has not yet said that it knows the flow; nothing has been sent
        asking,   ///< it knew the flow; a probe asks first what has arrived
        open,
    };

    void ask(time_point now) noexcept;
    std::chrono::milliseconds patience() const noexcept { return settings_.resend_after / (1U << hurry_); }
    std::optional<outgoing> take_probe(time_point now) noexcept;
    outgoing numbered(time_point now, std::uint64_t sequence, const entry& message) const noexcept;
    void acknowledge_below(time_point now, std::uint64_t next) noexcept;
    void on_answer(std::uint64_t next, bool has_progress) noexcept;
    void on_unknown(time_point now, std::uint64_t lowest, std::vector<failed_message>& failed);
    void lose_flow(time_point now, std::uint64_t next_flow, std::vector<failed_message>& failed);
    std::uint64_t flow_after_refusal(std::uint64_t lowest) const noexcept;
    void begin_flow(std::uint64_t id) noexcept;
    void expire(time_point now, std::vector<failed_message>& failed);
    void give_up(entry& message, flow_failure why, std::vector<failed_message>& failed);
    void lose_sent(std::vector<failed_message>& failed);
    void drop_given_up() noexcept;

    flow_settings settings_;
    message_store store_;
    flow_counters counters_;
    ring<entry> sent_;
    ring<entry> waiting_;
    std::size_t live_waiting_ = 0;  ///< of waiting_, not given up
    std::uint64_t flow_;
    std::uint64_t base_ = 1;    ///< the sequence of sent_.front()
    std::uint64_t cursor_ = 1;  ///< the next to send; below the end of sent_: again
    phase phase_ = phase::opening;
    bool has_route_ = false;
    bool probe_wanted_ = false;
    bool probe_is_out_ = false;       ///< a probe was sent and not answered yet
    bool is_answered_below_ = false;  ///< it was answered, but by less than was known to have arrived
    std::uint64_t probed_ = 0;        ///< the `next` of that probe
    std::uint64_t rewound_to_ = 0;    ///< the position of the last rewind that was executed
    unsigned hurry_ = 0;              ///< how often the time to wait for an answer is still to be halved
    unsigned refused_in_a_row_ = 0;   ///< flows that the destination did not let begin
    unsigned answers_below_ = 0;      ///< probes in a row that were answered like that only
    time_point last_progress_{};      ///< time of the last progress, or when waiting for it began
    time_point heard_at_{};           ///< time of the last answer of the destination, or when waiting for one began
    time_point next_deadline_ = no_deadline;  ///< not after the earliest one
};

}  // namespace bester::peering
