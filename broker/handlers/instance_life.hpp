#pragma once

#include <cstdint>
#include <utility>

namespace bester::handlers {

/// The states of an instance, without its process and its channels. A call that is no transition from the present state
/// changes nothing and returns false. Pure; on the control thread.
class instance_life {
public:
    /// Where the instance is in its life.
    ///
    ///   starting ──become_ready()──▶ ready ──drain()──▶ draining
    ///      │ stop(), lose()            │ stop(), lose(), leave() │ stop(), leave()
    ///      └──────────────────────▶ stopping ◀─────┴─────────────┘
    ///   any but gone ──finish()──▶ gone
    enum class phase : std::uint8_t {
        starting,
        ready,
        draining,  ///< it gets no more messages and answers those it has
        stopping,  ///< it is to end, or has been told to
        gone,      ///< its process and its channels have ended
    };
    /// Why it is stopping, or was when it ended.
    enum class ending : std::uint8_t {
        none,  ///< it ended by itself, or is not stopping
        asked,
        drained,  ///< it owed no answers
        lost,     ///< it cannot be used any more
    };
    /// Its channels on all shards together.
    ///
    ///   none ──open_channel()──▶ open ──close_channels()──▶ closed
    enum class channels : std::uint8_t { none, open, closed };

    phase now() const noexcept { return phase_; }
    bool is(phase which) const noexcept { return phase_ == which; }
    bool is_lost() const noexcept { return ending_ == ending::lost; }
    bool is_drained() const noexcept { return ending_ == ending::drained; }
    /// Returns whether its end, if it came now, would be wanted.
    bool is_to_end() const noexcept {
        return phase_ == phase::draining || (phase_ == phase::stopping && ending_ != ending::lost);
    }
    bool was_ready() const noexcept { return was_ready_; }

    bool is_confirmed() const noexcept { return is_confirmed_; }

    /// Its process has said that it is ready.
    void confirm() noexcept { is_confirmed_ = true; }
    bool become_ready() noexcept {
        if (phase_ != phase::starting) return false;
        phase_ = phase::ready;
        return was_ready_ = true;
    }
    bool drain() noexcept {
        if (phase_ != phase::ready) return false;
        phase_ = phase::draining;
        return true;
    }
    bool leave() noexcept { return (phase_ == phase::ready || phase_ == phase::draining) && stop_for(ending::drained); }
    bool stop() noexcept { return is_alive() && stop_for(ending::asked); }
    /// In a drain nothing counts as a loss: channels close one by one, and the others may still hold messages.
    bool lose() noexcept { return (phase_ == phase::starting || phase_ == phase::ready) && stop_for(ending::lost); }
    bool finish() noexcept {
        if (phase_ == phase::gone) return false;
        phase_ = phase::gone;
        return true;
    }

    /// Returns whether the owner is to be told of the end, which it has not been yet.
    bool must_tell() const noexcept { return phase_ == phase::gone && !is_told_; }
    /// The owner has been told.
    bool told() noexcept { return must_tell() && !std::exchange(is_told_, true); }

    bool open_channel() noexcept {
        if (channels_ == channels::closed) return false;
        channels_ = channels::open;
        return true;
    }
    bool has_channels() const noexcept { return channels_ == channels::open; }
    bool close_channels() noexcept {
        if (channels_ != channels::open) return false;
        channels_ = channels::closed;
        return true;
    }

private:
    bool is_alive() const noexcept { return phase_ != phase::stopping && phase_ != phase::gone; }
    bool stop_for(ending why) noexcept {
        phase_ = phase::stopping;
        ending_ = why;
        return true;
    }

    phase phase_ = phase::starting;
    ending ending_ = ending::none;
    channels channels_ = channels::none;
    bool is_confirmed_ = false;
    bool was_ready_ = false;
    bool is_told_ = false;
};

}  // namespace bester::handlers
