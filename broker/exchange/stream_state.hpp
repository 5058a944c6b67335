#pragma once

#include <cstdint>
#include <utility>

namespace bester::exchange {

/// The states of a framed_stream, without its bytes and its socket. Each axis has its own transitions; a call that is
/// no transition from the present state changes nothing, and those that return bool say whether the state has changed.
class stream_state {
public:
    /// How far the stream is on its way to its end.
    ///
    ///   open ──flush_and_end()──▶ flushing ──end()──▶ ended ──told()──▶ gone
    ///     ├──────────────────end()───────────────────▶
    ///     └──────────────────────────take_out()─────────────────────────▶
    enum class life : std::uint8_t {
        open,
        flushing,  ///< it ends when all that is queued has been written
        ended,     ///< the socket is gone, on_closed has not returned yet
        gone,      ///< on_closed has returned, or the connection was taken out of the stream
    };
    /// Whether frames are taken out of what has been received.
    ///
    ///   flowing ──hold()──▶ held ──release() of the last reason──▶ resuming ──read_on()──▶ flowing
    ///      │                 ◀────────────────hold()─────────────────
    ///      └──take_turns()──▶ waiting ──read_on()──▶ flowing, or ──hold()──▶ held
    enum class reading : std::uint8_t {
        flowing,
        held,      ///< for one reason at least
        resuming,  ///< what was kept is read in the turn's next phase of reading on, before anything else
        waiting,   ///< there is more than its share: it is read after the streams that waited before it
    };
    /// Whether anything more comes from the socket.
    ///
    ///   coming ──hang_up()──▶ hung_up ──look_again()──▶ coming
    ///     └──────────────┴──end_input()──▶ ended
    enum class input : std::uint8_t {
        coming,
        hung_up,  ///< the peer has gone while the stream was not read: the loop does not watch the socket until it is
        ended,    ///< the peer has finished sending, or nothing that it sends is of use any more
    };
    /// Whether the socket takes output.
    ///
    ///   flowing ──block()──▶ blocked ──find_room()──▶ unblocking ──unblock()──▶ flowing
    ///      │                    ◀──────────block()──────────
    ///      └─────────────────┴───────────lose_output()─────────┴──▶ lost
    enum class output : std::uint8_t {
        flowing,
        blocked,     ///< until the socket has room
        unblocking,  ///< the socket has room again, and the turn's next phase of writing uses it
        lost,        ///< nothing can be written any more, but what the peer sent before is still read
    };
    /// What the turn's next phase of reading on is to do beside reading on.
    ///
    ///   none ──dry_later()──▶ dry ──dried()──▶ none
    ///     └─────────────────┴──fail_later()──▶ fail
    enum class task : std::uint8_t {
        none,
        dry,   ///< read all that has arrived, then call on_dry
        fail,  ///< close the stream
    };

    life now() const noexcept { return life_; }
    bool is_closing() const noexcept { return life_ != life::open; }
    bool flush_and_end() noexcept { return change(life_, life::open, life::flushing); }
    bool end() noexcept {
        if (life_ == life::ended || life_ == life::gone) return false;
        life_ = life::ended;
        return true;
    }
    bool told() noexcept { return change(life_, life::ended, life::gone); }
    bool take_out() noexcept { return change(life_, life::open, life::gone); }

    reading read_state() const noexcept { return reading_; }
    bool is_held() const noexcept { return reading_ == reading::held; }
    /// Returns whether the turn's phase of reading on has it to read.
    bool is_to_read_on() const noexcept { return reading_ == reading::resuming || reading_ == reading::waiting; }
    bool is_held(std::uint8_t why) const noexcept { return (held_ & why) != 0; }
    /// Adds reasons, one bit each; returns whether there was none before.
    bool hold(std::uint8_t why) noexcept {
        held_ |= why;
        return std::exchange(reading_, reading::held) != reading::held;
    }
    /// Removes reasons; returns whether the stream resumes, which only an open one does.
    bool release(std::uint8_t why) noexcept {
        if (!is_held()) return false;
        held_ &= static_cast<std::uint8_t>(~why);
        if (held_ != 0) return false;
        reading_ = is_closing() ? reading::flowing : reading::resuming;
        return reading_ == reading::resuming;
    }
    bool take_turns() noexcept { return change(reading_, reading::flowing, reading::waiting); }
    bool read_on() noexcept {
        return change(reading_, reading::resuming, reading::flowing) ||
               change(reading_, reading::waiting, reading::flowing);
    }

    input input_state() const noexcept { return input_; }
    bool has_input_ended() const noexcept { return input_ == input::ended; }
    bool hang_up() noexcept { return change(input_, input::coming, input::hung_up); }
    bool look_again() noexcept { return change(input_, input::hung_up, input::coming); }
    bool end_input() noexcept { return std::exchange(input_, input::ended) != input::ended; }
    /// Returns whether frames may be taken out of the socket now.
    bool can_receive() const noexcept { return reading_ == reading::flowing && input_ != input::ended; }

    output output_state() const noexcept { return output_; }
    /// Returns whether output that was queued earlier still waits.
    bool is_blocked() const noexcept { return output_ == output::blocked || output_ == output::unblocking; }
    /// Returns whether writing is worth a try.
    bool can_write() const noexcept { return output_ == output::flowing || output_ == output::unblocking; }
    bool block() noexcept {
        return change(output_, output::flowing, output::blocked) ||
               change(output_, output::unblocking, output::blocked);
    }
    bool find_room() noexcept { return change(output_, output::blocked, output::unblocking); }
    bool unblock() noexcept { return change(output_, output::unblocking, output::flowing); }
    bool lose_output() noexcept { return std::exchange(output_, output::lost) != output::lost; }

    task due() const noexcept { return task_; }
    bool dry_later() noexcept { return change(task_, task::none, task::dry); }
    bool dried() noexcept { return change(task_, task::dry, task::none); }
    bool fail_later() noexcept { return std::exchange(task_, task::fail) != task::fail; }

private:
    template <class State>
    static bool change(State& state, State from, State to) noexcept {
        if (state != from) return false;
        state = to;
        return true;
    }

    life life_ = life::open;
    reading reading_ = reading::flowing;
    std::uint8_t held_ = 0;  ///< why it is held
    input input_ = input::coming;
    output output_ = output::flowing;
    task task_ = task::none;
};

}  // namespace bester::exchange
