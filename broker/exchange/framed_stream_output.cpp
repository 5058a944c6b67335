// framed_stream: the queue, writing it, and pauses of reading while it is too full.
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "exchange/framed_stream.hpp"
#include "exchange/shard.hpp"

namespace bester::exchange {

namespace {

constexpr std::size_t written_in_a_turn = std::size_t{512} << 10;

/// Returns how many bytes the socket has taken from us and the other end has not acknowledged.
std::uint32_t unacknowledged_bytes(int fd) noexcept {
    int size = 0;
    return ::ioctl(fd, SIOCOUTQ, &size) == 0 && size > 0 ? static_cast<std::uint32_t>(size) : 0;
}

}  // namespace

bool framed_stream::fits(std::size_t size) const noexcept {
    const std::size_t waiting = queued_bytes();
    return waiting == 0 || (waiting + size <= account_->queue.bytes && queued_frames() < account_->queue.frames);
}

bool framed_stream::has_room_for(std::size_t size) {
    if (fd_ < 0 || is_closing()) return false;
    if (!account_ || fits(size)) return true;
    flush_early();
    return fits(size);
}

enqueued framed_stream::enqueue(std::string_view frame) {
    return has_room_for(frame.size()) ? enqueue_answer(frame) : enqueued::refused;
}

enqueued framed_stream::enqueue(payload shared) {
    return has_room_for(shared.size()) ? enqueue_answer(std::move(shared)) : enqueued::refused;
}

enqueued framed_stream::enqueue_answer(std::string_view frame) {
    if (fd_ < 0 || is_closing()) return enqueued::refused;
    output().append(frame);
    return added();
}

enqueued framed_stream::enqueue_answer(payload shared) {
    if (fd_ < 0 || is_closing()) return enqueued::refused;
    output().append(std::move(shared));
    return added();
}

/// Registers the stream, so that its queue is written at the end of the turn.
enqueued framed_stream::added() {
    mark_dirty();
    if (!account_) return is_blocked() ? enqueued::queued : enqueued::sent;
    if (is_blocked()) {
        settle_output();
        hold_if_behind();
        return enqueued::queued;
    }
    // It waits for its turn to be written, and what waits is counted.
    if (flow_ && flow_->output.bytes > 0) settle_output();
    if (!is_half_full()) return enqueued::sent;
    flush_early();
    if (!is_half_full()) return enqueued::sent;
    hold(output_hold);
    return enqueued::queued;
}

bool framed_stream::is_half_full() const noexcept {
    return queued_bytes() > account_->queue.bytes / 2 || queued_frames() > account_->queue.frames / 2;
}

/// Returns whether the queue is half full, or would be with the answers that are due to input that was read. Reading no
/// more bounds these answers, not the deliveries of others.
bool framed_stream::is_behind() const noexcept {
    return is_half_full() || queued_frames() + awaited_frames() > account_->queue.frames / 2;
}

void framed_stream::hold_if_behind() {
    if (account_ && is_blocked() && !is_closing() && is_behind()) hold(output_hold);
}

outbox& framed_stream::output() {
    if (!outbox_) outbox_ = shard_.take_outbox();
    return *outbox_;
}

/// Only what can be written waits to be written: a stream whose socket has no room is told by the loop when it has.
/// Clients, of which there may be many, depend on handlers and other servers, of which there are few.
void framed_stream::mark_dirty() {
    if (fd_ < 0 || !state_.can_write()) return;
    if (account_) shard_.flush_later(*this);
    else shard_.flush_first(*this);
}

void framed_stream::flush() {
    if (fd_ < 0 || !state_.can_write() || (!outbox_ && !cipher_)) return;
    wrote(write_out(written_in_a_turn));
}

void framed_stream::left_unwritten() {
    if (fd_ < 0) return;
    // That the socket has room is known, if it has.
    watch(watched_ & ~static_cast<std::uint32_t>(EPOLLOUT));
    settle_output();
}

void framed_stream::flush_early() {
    if (fd_ < 0 || !state_.can_write() || !outbox_) return;
    write_out(outbox::everything);
    mark_dirty();
}

/// Writes at most `most` bytes of the queue.
flush_result framed_stream::write_out(std::size_t most) {
    if (!cipher_) return outbox_->flush(fd_, most);
    // In parts: ciphered output can no longer be counted in frames, and takes memory of its own.
    constexpr std::size_t at_once = std::size_t{256} << 10;
    for (;;) {
        const std::size_t before = queued_bytes();
        const auto give = [this](std::string_view bytes) { return cipher_->write(bytes); };
        if (outbox_ && !outbox_->move_to(std::min(at_once, most), give)) return flush_result::failed;
        most -= before - queued_bytes();
        std::string_view left = cipher_->pending_output();
        if (left.empty()) return queued_bytes() == 0 ? flush_result::done : flush_result::more;
        const ssize_t taken = ::send(fd_, left.data(), left.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (taken < 0 && errno == EINTR) continue;
        if (taken < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? flush_result::blocked : flush_result::failed;
        cipher_->consume_output(static_cast<std::size_t>(taken));
        if (static_cast<std::size_t>(taken) < left.size()) return flush_result::blocked;
    }
}

void framed_stream::wrote(flush_result result) {
    switch (result) {
        case flush_result::failed:
            if (is_closing() || has_input_ended() || !is_read_to_the_end()) return close(close_reason::connection_lost);
            // The peer's earlier input is still to be read; its end closes the stream.
            state_.lose_output();
            watch(watched_ & ~static_cast<std::uint32_t>(EPOLLOUT));
            return;
        case flush_result::blocked:
            flow().blocked_since_ms = flow().looked_ms = shard_.now_ms();
            flow().unacknowledged = unacknowledged_bytes(fd_);
            state_.block();
            watch(watched_ | EPOLLOUT);
            settle_output();
            hold_if_behind();
            on_blocked();
            return;
        case flush_result::more:
            settle_output();
            mark_dirty();
            return;
        case flush_result::done:
            state_.unblock();
            watch(watched_ & ~static_cast<std::uint32_t>(EPOLLOUT));
            if (outbox_) shard_.give_back(std::move(outbox_));
            settle_output();
            if (is_closing()) return part();
            release(output_hold);
            on_drained();
    }
}

void framed_stream::settle_output() {
    if (!account_) return;
    std::size_t bytes = 0;
    if (fd_ >= 0) {
        if (outbox_) bytes = outbox_->hold_memory();
        if (cipher_) bytes += cipher_->held_output();
    }
    if (bytes == 0 && !flow_) return;
    flow_state& now = flow();
    account_->output.set(now, now.output, bytes);
}

bool framed_stream::is_stuck(std::uint64_t now_ms, std::uint64_t timeout_ms) noexcept {
    if (!is_blocked() || now_ms - flow_->looked_ms < timeout_ms / 4) return false;
    // The socket reports room only when much is free, but a slow reader takes something all the same.
    const std::uint32_t left = unacknowledged_bytes(fd_);
    flow_->looked_ms = now_ms;
    if (left < flow_->unacknowledged) flow_->blocked_since_ms = now_ms;
    flow_->unacknowledged = left;
    return now_ms - flow_->blocked_since_ms >= timeout_ms;
}

}  // namespace bester::exchange
