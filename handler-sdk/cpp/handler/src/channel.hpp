#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "file_descriptor.hpp"
#include "input_buffer.hpp"
#include "output_buffer.hpp"
#include "wire/frame.hpp"

namespace bester::detail {

/// One stream to one shard of the broker: non-blocking socket, what was received, what waits to be
/// sent. Owned by the runtime (before: by attach), used on its thread.
class channel {
public:
    /// Above the high-water mark of what waits to be sent nothing is read, until the low-water mark.
    static constexpr std::size_t high_water = std::size_t{1} << 20;
    static constexpr std::size_t low_water = high_water / 2;

    explicit channel(file_descriptor socket) : socket_{std::move(socket)} {}

    enum class read_status : std::uint8_t { received, dry, closed };
    /// Reads once what there is and fits.
    read_status receive();
    /// Did the last receive() fill all the room it had?
    bool may_have_more() const noexcept { return was_filled_; }
    /// The next frame that is complete; views live until the next receive().
    wire::frame_result next_frame();
    /// Writes the queue as far as the socket takes it; returns false if the other side is gone.
    bool flush();

    int fd() const noexcept { return socket_.get(); }
    output_buffer& output() noexcept { return output_; }
    const output_buffer& output() const noexcept { return output_; }

    std::size_t unanswered = 0;  ///< messages received and not answered
    bool is_drained = false;     ///< the broker said that nothing new comes
    bool is_held = false;        ///< nothing is decoded before the snapshots of other channels are complete
    bool is_paused = false;      ///< too much waits to be sent: nothing is read or decoded
    std::uint32_t interest = 0;  ///< what epoll watches

private:
    file_descriptor socket_;
    input_buffer input_;
    output_buffer output_;
    bool was_filled_ = false;
    std::size_t missing_ = wire::frame_header_size;
};

}  // namespace bester::detail
