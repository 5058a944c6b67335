#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <sys/types.h>

#include "exchange/byte_ledger.hpp"
#include "exchange/event_loop.hpp"
#include "exchange/framing.hpp"
#include "exchange/outbox.hpp"
#include "exchange/owned_socket.hpp"
#include "exchange/payload.hpp"
#include "exchange/stream_state.hpp"
#include "exchange/turn.hpp"
#include "wire/stream_cipher.hpp"

namespace bester::exchange {

class shard;

/// Why a stream ended.
enum class close_reason : std::uint8_t {
    none,
    closed_by_peer,
    connection_lost,
    bad_input,
    slow_consumer,
    write_timeout,
    authentication,
    requested,  ///< by the client's `close`, a handler's `disconnect` or an administrator
    shutting_down,
    handler_lost,
    internal_error,
};
std::string_view to_string(close_reason reason) noexcept;

/// Received bytes that are not decoded yet: the beginning of a frame, or input that came before a pause.
struct kept_bytes {
    std::unique_ptr<char[]> data;
    std::uint32_t begin = 0;  ///< bytes of it that have been decoded
    std::uint32_t size = 0;   ///< bytes after those
    std::uint32_t capacity = 0;

    std::string_view view() const noexcept { return {data.get() + begin, size}; }
};

/// A connected socket without its stream, with everything that another stream needs to continue it.
struct stream_parts {
    owned_socket socket;                          ///< non-blocking
    std::unique_ptr<wire::stream_cipher> cipher;  ///< null: in clear
    std::string received;                         ///< in clear, not decoded
    std::unique_ptr<outbox> queued;  ///< output that is not written, of the shard on which it was queued; null: none
};

/// The verdict of on_frame on a frame.
enum class frame_verdict : std::uint8_t {
    taken,             ///< go on with the next
    taken_then_pause,  ///< taken, but read no further until resume()
    not_yet,           ///< not taken: give it again after resume()
    next_turn,         ///< not taken: give it again in the next turn, or later in this one
    closed,            ///< the stream was closed
};

/// The result of enqueue().
enum class enqueued : std::uint8_t {
    sent,     ///< goes to the socket at the end of the turn
    queued,   ///< waits until the socket has room
    refused,  ///< too much waits already, or the stream is closed
};

/// A connected socket that carries frames, owned by one shard and used on its thread only: a client's
/// session or a handler's channel. Frames have a length word each, unless set_framing() says otherwise.
///
/// Input: bytes are read into the shard's receive buffer and decoded there; only an incomplete or
/// paused remainder is kept here. Output: frames are gathered in an outbox during a turn of the
/// shard's loop and written once at its end, up to 512 KiB of them; then the other streams come first. An idle stream
/// has neither buffer.
///
/// Flow: output goes through enqueue(). A stream with an account has bounds for its queue: while more than half of
/// these bounds waits, the stream is not read, until the other end has taken everything. The account's ledgers count
/// the bytes that are held for the stream: input that is not complete, and output that is not taken. It is not read in
/// the rest of a turn in which its shard has stopped the input (shard::stop_input).
///
/// Outputs to the derived class: on_frame for each complete frame, on_bad_frame once when framing is lost (the derived
/// class closes), on_end_of_input when the peer has finished sending, on_closed once, last, from close(). An exception
/// that leaves one of these outputs closes the stream (internal_error); after one that leaves on_closed, on_closed is
/// called again, until it returns.
class framed_stream : public turn_stream {
public:
    ~framed_stream() override;

    void on_ready(std::uint32_t events) final;
    void fail() noexcept final { close(close_reason::internal_error); }

    /// Ends the stream now: what is queued is dropped, the descriptor closed, on_closed called. The
    /// object is destroyed by its owner through shard::bury. Idempotent.
    void close(close_reason reason) noexcept;
    /// Ends the stream when everything queued has been written (or nothing moves for the write timeout). The socket
    /// then goes to the shard's parting_sockets, so that the peer has time to read the rest.
    void close_after_flush(close_reason reason);

    /// Stops reading for this reason, one bit; there may be several. Bits that are not used below (asked_hold,
    /// output_hold) are free.
    void hold(std::uint8_t why);
    /// Removes the reason; if none is left, reading goes on in the shard's next turn, beginning with what was kept.
    void release(std::uint8_t why);
    /// The same, for callers that have one reason only.
    void pause() { hold(asked_hold); }
    void resume() { release(asked_hold); }

    bool is_open() const noexcept { return fd_ >= 0; }
    bool is_closing() const noexcept { return state_.is_closing(); }
    /// Returns whether output waits for the socket to have room.
    bool is_blocked() const noexcept { return fd_ >= 0 && state_.is_blocked(); }
    /// Returns whether output waits, or waited when the stream ended: the other end has not got all.
    bool has_unwritten_output() const noexcept { return state_.is_blocked(); }
    bool is_paused() const noexcept { return state_.is_held(); }
    bool is_held(std::uint8_t why) const noexcept { return state_.is_held(why); }
    int fd() const noexcept { return fd_; }
    std::size_t queued_bytes() const noexcept { return outbox_ ? outbox_->bytes() : 0; }
    std::size_t queued_frames() const noexcept { return outbox_ ? outbox_->frames() : 0; }

    /// Called by the shard's turn after something was queued, or when the socket has room again.
    void flush() final;
    void left_unwritten() final;
    /// Called by the shard's turn after resume() or read_until_dry(), or when it is this stream's turn to read more.
    void read_on() final;
    /// Returns whether the other end has taken nothing for `timeout_ms` while output waits; to be called several times
    /// in that span. The other end has taken something if the socket has room, or if less waits in the socket than at
    /// the last call.
    bool is_stuck(std::uint64_t now_ms, std::uint64_t timeout_ms) noexcept;

protected:
    /// Takes over `fd`, a non-blocking stream socket; `frame_limit` bounds a frame's body. `cipher` null:
    /// frames go over the socket as they are.
    framed_stream(shard& owner, int fd, std::size_t frame_limit, std::unique_ptr<wire::stream_cipher> cipher = {});
    /// Takes over a connection; `from.received` is left where it is, for start().
    framed_stream(shard& owner, stream_parts& from, std::size_t frame_limit) noexcept;

    /// Starts watching the descriptor. `received` holds bytes that were read before.
    void start(std::string_view received);
    /// Bounds the stream's queue and counts the bytes that are held for it; `account` must outlive the stream. Must be
    /// called before start(); without an account nothing is bounded or counted.
    void use_account(stream_account& account) noexcept { account_ = &account; }
    /// Queues output: `write(char*)` fills a buffer of `size` bytes and returns how many it has used. Refused if the
    /// queue would exceed its bounds, unless it is empty.
    template <class Writer>
    enqueued enqueue(std::size_t size, Writer&& write) {
        return has_room_for(size) ? put(size, write) : enqueued::refused;
    }
    enqueued enqueue(std::string_view frame);
    enqueued enqueue(payload shared);
    /// The same, but without the bounds: for the one answer to the latest request, and for last words. The next request
    /// is not read before the queue has been taken, so this is bounded, too.
    enqueued enqueue_answer(std::string_view frame);
    enqueued enqueue_answer(payload shared);
    /// Copies `size` bytes that begin `back` bytes before the end of the queue; false if they have
    /// been written, in part at least.
    bool unwritten(std::size_t back, std::size_t size, char* out) const noexcept {
        return outbox_ && back <= outbox_->bytes() &&
               outbox_->copy_unwritten(outbox_->written() + outbox_->bytes() - back, size, out);
    }
    void set_frame_limit(std::size_t limit) noexcept { frame_limit_ = limit_of(limit); }
    /// Takes the connection out of the stream, which is closed then without a call of on_closed. Must not be called
    /// from within on_frame, nor while a frame waits to be given again.
    stream_parts release_parts();
    /// Changes the framing from the next frame on. Must not be called from within decode() of the present framing.
    void set_framing(std::unique_ptr<framing> wanted) noexcept { framing_ = std::move(wanted); }
    framing* current_framing() const noexcept { return framing_.get(); }
    /// Null: none.
    wire::stream_cipher* cipher() const noexcept { return cipher_.get(); }

    virtual frame_verdict on_frame(std::string_view body) = 0;
    virtual void on_bad_frame(bool is_too_large) = 0;
    virtual void on_end_of_input() = 0;
    /// Called last; the queue can still be read through unwritten(). After an exception it is called again, which must
    /// do no harm.
    virtual void on_closed(close_reason reason) = 0;
    /// Returns how many frames will be queued in answer to input that has been read already.
    virtual std::size_t awaited_frames() const noexcept { return 0; }
    /// The account is over a bound, and this stream has the largest weight: the derived class ends it, then calls
    /// discard_input().
    virtual void on_memory_bound(held_kind) {}
    /// A frame has begun at `since_ms` (while it was read) and is not complete.
    virtual void on_frame_pending(std::uint64_t /*since_ms*/) {}
    /// The socket has no room for now.
    virtual void on_blocked() {}
    /// Returns whether input that the peer sent before it closed is still to be read; else the stream is closed as soon
    /// as nothing can be written.
    virtual bool is_read_to_the_end() const noexcept { return false; }
    /// The queue has been written to the end.
    virtual void on_drained() {}
    /// The bytes of this stream in the account's ledgers.
    std::size_t held_input() const noexcept { return flow_ ? flow_->input.bytes : 0; }
    std::size_t held_output() const noexcept { return flow_ ? flow_->output.bytes : 0; }
    /// Drops input that was received and not taken. Must not be called from within decode() of the present framing.
    void discard_input();
    /// Writes the queue now instead of at the end of the turn, to make room. Never closes the stream: a broken
    /// connection is noticed at the end of the turn.
    void flush_early();
    /// Returns whether more than half of what the account allows waits; only with an account.
    bool is_half_full() const noexcept;
    /// Returns whether the other end has finished sending, or nothing more is read from it.
    bool has_input_ended() const noexcept { return state_.has_input_ended(); }
    /// Returns whether input has arrived that is not read yet, or not decoded because of a pause.
    bool has_unread_input() const noexcept;
    /// Reads and handles everything that has arrived, in a later part of this turn, in the next one, or after the
    /// present pause; then calls on_dry, unless the stream has ended by then.
    void read_until_dry() noexcept;
    virtual void on_dry() {}
    /// The same as fail(), but in a later part of this turn or in the next one, for callers whose own caller still uses
    /// the stream.
    void fail_later() noexcept;

    shard& shard_;

private:
    static constexpr std::uint8_t asked_hold = 0x80;   ///< by pause(), or by the verdict of a frame
    static constexpr std::uint8_t output_hold = 0x40;  ///< more than half of the queue's bounds is used

    /// State that exists only while bytes are held for the stream, or it is paused, or its socket has no room. Times
    /// are of the shard's clock.
    struct flow_state final : memory_holder {
        explicit flow_state(framed_stream& of) noexcept : stream{of} {}
        std::uint64_t held_weight(held_kind what, std::uint64_t now_ms) const noexcept override;
        void give_way(held_kind what) override { stream.on_memory_bound(what); }
        void check_frame_time(std::uint64_t now_ms) override;

        framed_stream& stream;
        byte_ledger::entry input;
        byte_ledger::entry output;
        std::uint64_t frame_since_ms = 0;  ///< pauses left out; 0: none has begun
        std::uint64_t paused_since_ms = 0;
        std::uint64_t blocked_since_ms = 0;  ///< while EPOLLOUT is watched: when the other end last took something
        std::uint64_t looked_ms = 0;         ///< when that was asked last
        std::uint32_t unacknowledged = 0;    ///< bytes in the socket, then
    };

    /// Whether a frame was complete since input was counted last, so that the time of the next one begins anew.
    enum class frame_clock : std::uint8_t { runs, begins_anew };
    /// Whether the framing has a frame that was not taken and is given again.
    enum class left_frame : std::uint8_t { none, in_framing };
    /// What of its share a stream with an account, or a ciphered one, has received from its socket in this turn.
    enum class socket_share : std::uint8_t {
        taken,  ///< what there was
        whole,  ///< all of it, so there is more, probably; or a little that was more than it when decoded
        due,    ///< nothing yet
    };

    template <class Writer>
    enqueued put(std::size_t size, Writer&& write) {
        outbox& to = output();
        char* const begin = to.reserve(size);
        to.commit(write(begin));
        return added();
    }
    outbox& output();
    bool has_room_for(std::size_t size);
    bool fits(std::size_t size) const noexcept;
    enqueued added();
    void mark_dirty();
    bool is_behind() const noexcept;
    void hold_if_behind();
    flow_state& flow();
    void settle_input();
    void settle_output();
    void read_input();
    void read_more();
    bool take_turns();
    bool has_taken_all() noexcept;
    bool must_make_way(unsigned frames);
    void resumes(bool has_more);
    bool read();
    void read_kept();
    void tell_end() noexcept;
    ssize_t receive(char* to, std::size_t size);
    void read_ciphered();
    flush_result write_out(std::size_t most);
    std::size_t decode(std::string_view bytes);
    std::size_t decode_by_framing(std::string_view bytes);
    void lose_framing(bool is_too_large);
    void keep(std::string_view rest);
    bool read_into_kept();
    void decode_kept();
    void drop_kept(std::unique_ptr<kept_bytes> kept) noexcept;
    /// Returns whether reading waits for resume(), or for the turn to read on.
    bool cannot_read() const noexcept { return state_.read_state() != stream_state::reading::flowing; }
    void watch(std::uint32_t events);
    void wrote(flush_result result);
    bool read_nothing(ssize_t result);
    void hung_up(std::uint32_t events);
    void part() noexcept;
    void end(close_reason reason) noexcept;

    static constexpr std::uint32_t limit_of(std::size_t wanted) noexcept {
        constexpr std::uint32_t most = ~std::uint32_t{0};
        return wanted < most ? static_cast<std::uint32_t>(wanted) : most;
    }

    // There is one stream for each connection: pointers first, so that there is no padding between members.
    std::unique_ptr<wire::stream_cipher> cipher_;
    std::unique_ptr<framing> framing_;  ///< null: length words
    std::unique_ptr<outbox> outbox_;
    std::unique_ptr<kept_bytes> kept_;   ///< received, not decoded
    stream_account* account_ = nullptr;  ///< null: nothing is bounded or counted
    std::unique_ptr<flow_state> flow_;   ///< null: nothing is held or waits
    int fd_;
    std::uint32_t watched_ = 0;
    std::uint32_t frame_limit_;
    stream_state state_;
    frame_clock frame_clock_ = frame_clock::runs;
    left_frame left_frame_ = left_frame::none;
    socket_share socket_share_ = socket_share::taken;
    close_reason closing_reason_ = close_reason::none;

    friend class shard;
};

}  // namespace bester::exchange
