#include "exchange/framed_stream.hpp"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "exchange/shard.hpp"
#include "wire/frame.hpp"

namespace bester::exchange {

namespace {

constexpr std::uint32_t readable = EPOLLIN;
/// How many frames are handled between two looks at the clock: a client's messages cost little, other frames may not.
constexpr unsigned messages_by_one_clock = 16;
constexpr unsigned frames_by_one_clock = 4;
constexpr std::size_t most_prefixed = std::size_t{16} << 10;

bool has_unread_bytes(int fd) noexcept {
    int size = 0;
    return ::ioctl(fd, FIONREAD, &size) == 0 && size > 0;
}

static_assert(sizeof(framed_stream) <= 112, "there is one for each connection, and most are idle");

}  // namespace

std::string_view to_string(close_reason reason) noexcept {
    switch (reason) {
        case close_reason::none: return "open";
        case close_reason::closed_by_peer: return "closed by the peer";
        case close_reason::connection_lost: return "connection lost";
        case close_reason::bad_input: return "bad input";
        case close_reason::slow_consumer: return "slow consumer";
        case close_reason::write_timeout: return "took nothing for the write timeout";
        case close_reason::authentication: return "not authenticated";
        case close_reason::requested: return "requested";
        case close_reason::shutting_down: return "shutting down";
        case close_reason::handler_lost: return "handler instance lost";
        case close_reason::internal_error: return "internal error";
    }
    return "";
}

framed_stream::framed_stream(shard& owner, int fd, std::size_t frame_limit, std::unique_ptr<wire::stream_cipher> cipher)
    : shard_{owner}, cipher_{std::move(cipher)}, fd_{fd}, frame_limit_{limit_of(frame_limit)} {}

framed_stream::framed_stream(shard& owner, stream_parts& from, std::size_t frame_limit) noexcept
    : shard_{owner},
      cipher_{std::move(from.cipher)},
      outbox_{std::move(from.queued)},
      fd_{from.socket.release()},
      frame_limit_{limit_of(frame_limit)} {}

framed_stream::~framed_stream() {
    if (fd_ >= 0) ::close(fd_);
    if (kept_) shard_.account_kept(-static_cast<std::ptrdiff_t>(kept_->capacity));
    if (!account_ || !flow_) return;
    account_->input.set(*flow_, flow_->input, 0);
    account_->output.set(*flow_, flow_->output, 0);
}

framed_stream::flow_state& framed_stream::flow() {
    if (!flow_) flow_ = std::make_unique<flow_state>(*this);
    return *flow_;
}

void framed_stream::start(std::string_view received) {
    watched_ = readable;
    const auto begin = [&] {
        shard_.loop().add(fd_, watched_, *this);
        if (!received.empty()) keep(received);
    };
    if (!shard_.guarded("a new stream", begin)) return fail();
    // The socket does not report again input that the cipher has already.
    if (outbox_ || (cipher_ && !cipher_->pending_output().empty())) mark_dirty();
    if (!cipher_ && !kept_) return;
    settle_input();
    // A client that has only connected has sent nothing that its cipher could have.
    if (account_ && !kept_ && cipher_->is_opening()) return;
    hold(asked_hold);
    release(asked_hold);
}

void framed_stream::on_ready(std::uint32_t events) {
    if (fd_ < 0) return;
    if ((events & EPOLLOUT) != 0 && state_.find_room()) mark_dirty();
    if ((events & EPOLLIN) != 0 && state_.can_receive()) {
        if (account_ && !shard_.takes_input()) return;  // the loop reports it again
        if (!cipher_ || !cipher_->is_opening() || shard_.may_open_another()) read_input();
    } else if ((events & (EPOLLERR | EPOLLHUP)) != 0) hung_up(events);
}

void framed_stream::hung_up(std::uint32_t events) {
    const bool is_unread = cannot_read() && !has_input_ended();
    // A peer that closes without having read everything causes an error here; its earlier input is still good.
    const bool is_lost = (events & EPOLLERR) != 0;
    if (is_lost && !(is_unread && (kept_ || has_unread_bytes(fd_)))) return close(close_reason::connection_lost);
    if (!is_unread) return close(close_reason::closed_by_peer);
    // The peer is gone, but its input is not read yet. The kernel reports a hang-up whether it is asked for or not, so
    // do not look until we read on.
    shard_.loop().remove(fd_);
    state_.hang_up();
}

/// Reads a share. If the whole share was taken, there is probably more: the loop need not report it again, and all
/// other streams that have more come first.
void framed_stream::read_input() {
    shard_.begin_reading();
    socket_share_ = socket_share::due;
    if (cipher_) read_ciphered();
    else read();
    if (has_taken_all()) take_turns();
    settle_input();
}

/// Waits for its turn among the streams that have more than their share to be read.
bool framed_stream::take_turns() {
    if (is_closing() || !state_.can_receive() || !state_.take_turns()) return false;
    watch(watched_ & ~readable);
    shard_.read_more(*this);
    return true;
}

/// Returns whether the stream has taken the whole share that it has at a time.
bool framed_stream::has_taken_all() noexcept {
    return std::exchange(socket_share_, socket_share::taken) == socket_share::whole;
}

/// Called after `frames` frames of the input that is being decoded; returns whether the rest is for a later turn.
bool framed_stream::must_make_way(unsigned frames) {
    const bool is_cheap = account_ && !framing_;
    if (frames % (is_cheap ? messages_by_one_clock : frames_by_one_clock) != 0) return false;
    if (is_paused() || !shard_.is_reading_over(account_ != nullptr)) return false;
    hold(asked_hold);
    if (state_.release(asked_hold)) resumes(true);
    return true;
}

void framed_stream::read_more() {
    state_.read_on();
    if (is_closing() || has_input_ended()) return;
    read_input();
    if (fd_ >= 0 && state_.can_receive()) watch(watched_ | readable);
}

/// One read of the socket; false if there was nothing.
bool framed_stream::read() {
    // A short remainder is put before the next input, so that a busy stream, whose reads end anywhere, needs one system
    // call for a buffer full of frames and not one more for each cut frame.
    if (kept_ && kept_->size > most_prefixed) return read_into_kept();
    const auto buffer = shard_.receive_buffer();
    const std::size_t prefix = kept_ ? kept_->size : 0;
    if (prefix > 0) std::memcpy(buffer.data(), kept_->view().data(), prefix);
    const ssize_t size = receive(buffer.data() + prefix, buffer.size() - prefix);
    if (size <= 0) return read_nothing(size);
    if (kept_) drop_kept(std::move(kept_));
    const std::string_view bytes{buffer.data(), prefix + static_cast<std::size_t>(size)};
    const std::size_t consumed = decode(bytes);
    if (fd_ >= 0 && consumed < bytes.size()) keep(bytes.substr(consumed));
    return true;
}

/// Reads plain bytes like recv(2). A ciphered stream takes from its socket once a turn, so that others do not wait
/// long.
ssize_t framed_stream::receive(char* to, std::size_t size) {
    // A stream with an account belongs to a client, of which there may be many.
    const std::size_t share = account_ ? shard_.receive_share() : size;
    const auto from_socket = [&](char* room, std::size_t most) {
        const ssize_t came = ::recv(fd_, room, std::min(most, share), MSG_DONTWAIT);
        const bool is_whole = account_ && came == static_cast<ssize_t>(share);
        socket_share_ = is_whole ? socket_share::whole : socket_share::taken;
        return came;
    };
    if (!cipher_) return from_socket(to, size);
    for (;;) {
        const std::ptrdiff_t got = cipher_->read({to, size});
        if (got > 0) return got;
        if (got == wire::stream_cipher::ended) return 0;
        if (got == wire::stream_cipher::failed) {
            errno = EPROTO;
            return -1;
        }
        errno = EAGAIN;
        if (socket_share_ != socket_share::due) return -1;
        const auto buffer = shard_.cipher_buffer();
        const ssize_t came = from_socket(buffer.data(), buffer.size());
        if (came <= 0) return came;
        cipher_->receive({buffer.data(), static_cast<std::size_t>(came)});
    }
}

/// Reads everything that the cipher has, since the socket does not report it again.
void framed_stream::read_ciphered() {
    while (fd_ >= 0 && state_.can_receive() && read()) {}
    if (fd_ < 0) return;
    cipher_->keep_input();  // the cipher must not refer to the shard's buffer
    if (!cipher_->pending_output().empty()) mark_dirty();
}

bool framed_stream::has_unread_input() const noexcept { return fd_ >= 0 && (cannot_read() || has_unread_bytes(fd_)); }

void framed_stream::read_until_dry() noexcept {
    state_.dry_later();
    shard_.read_on(*this);
}

void framed_stream::fail_later() noexcept {
    state_.fail_later();
    shard_.read_on(*this);
}

void framed_stream::read_on() {
    if (state_.now() == stream_state::life::ended) return tell_end();
    if (state_.due() == stream_state::task::fail) return fail();
    if (account_ && !shard_.takes_input() && state_.is_to_read_on()) return shard_.read_more(*this);
    if (state_.read_state() == stream_state::reading::resuming) read_kept();
    else if (state_.read_state() == stream_state::reading::waiting) read_more();
    if (state_.due() != stream_state::task::dry) return;
    // At most what a socket can have held, since the other end may go on sending.
    constexpr int most_reads = 16;
    for (int i = 0; i < most_reads && fd_ >= 0 && state_.can_receive() && read(); ++i) {}
    settle_input();
    if (fd_ < 0 || cannot_read()) return;
    if (state_.dried()) on_dry();
}

bool framed_stream::read_nothing(ssize_t result) {
    if (result == 0) {
        state_.end_input();
        watch(watched_ & ~readable);
        on_end_of_input();
    } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        close(close_reason::connection_lost);
    }
    return false;
}

void framed_stream::read_kept() {
    state_.read_on();
    if (fd_ < 0 || is_paused()) return;
    shard_.begin_reading();
    if (left_frame_ == left_frame::in_framing && !kept_) decode({});
    if (fd_ >= 0 && !cannot_read() && kept_) decode_kept();
    if (fd_ >= 0 && !cannot_read() && cipher_) read_ciphered();
    settle_input();
    if (fd_ < 0 || cannot_read()) return;
    if (has_input_ended()) on_end_of_input();
    else if (!has_taken_all() || !take_turns()) watch(watched_ | readable);
}

/// Gives all complete frames to on_frame; returns how many bytes they took.
std::size_t framed_stream::decode(std::string_view bytes) {
    if (framing_) return decode_by_framing(bytes);
    std::size_t consumed = 0;
    unsigned frames = 0;
    while (!is_paused() && consumed < bytes.size()) {
        const auto found = wire::decode_frame(bytes.substr(consumed), frame_limit_);
        if (found.status == wire::frame_status::need_more) break;
        if (found.status != wire::frame_status::complete) {
            lose_framing(found.status == wire::frame_status::too_large);
            return bytes.size();
        }
        frame_clock_ = frame_clock::begins_anew;
        const frame_verdict verdict = on_frame(found.body);
        if (verdict == frame_verdict::closed || fd_ < 0) return bytes.size();
        const bool is_left = verdict == frame_verdict::not_yet || verdict == frame_verdict::next_turn;
        if (!is_left) consumed += found.consumed;
        if (verdict != frame_verdict::taken && !is_paused()) pause();
        if (verdict == frame_verdict::next_turn) {
            resume();
            return consumed;
        }
        if (is_closing()) return bytes.size();
        hold_if_behind();
        if (consumed < bytes.size() && must_make_way(++frames)) break;
    }
    return consumed;
}

/// The same for a stream with a framing of its own, which keeps a frame that is not taken.
std::size_t framed_stream::decode_by_framing(std::string_view bytes) {
    std::size_t consumed = 0;
    unsigned frames = 0;
    std::size_t decoded = 0;
    while (!is_paused() && (consumed < bytes.size() || left_frame_ == left_frame::in_framing)) {
        left_frame_ = left_frame::none;
        const framed found = framing_->decode(bytes.substr(consumed));
        if (fd_ < 0 || is_closing()) return bytes.size();
        consumed += found.consumed;
        // What was compressed counts as what it is.
        decoded += found.body.size();
        if (account_ && decoded > shard_.receive_share()) socket_share_ = socket_share::whole;
        if (found.status == framing_status::need_more) break;
        if (found.status != framing_status::complete) {
            lose_framing(found.status == framing_status::too_large);
            return bytes.size();
        }
        frame_clock_ = frame_clock::begins_anew;
        const frame_verdict verdict = on_frame(found.body);
        if (verdict == frame_verdict::closed || fd_ < 0) return bytes.size();
        const bool is_left = verdict == frame_verdict::not_yet || verdict == frame_verdict::next_turn;
        if (is_left) {
            framing_->give_again();
            left_frame_ = left_frame::in_framing;
        }
        if (verdict != frame_verdict::taken && !is_paused()) pause();
        if (verdict == frame_verdict::next_turn) {
            resume();
            return consumed;
        }
        if (is_closing()) return bytes.size();
        hold_if_behind();
        if (!framing_) return consumed + decode(bytes.substr(consumed));
        if (consumed < bytes.size() && must_make_way(++frames)) break;
    }
    return consumed;
}

void framed_stream::lose_framing(bool is_too_large) {
    state_.end_input();
    watch(watched_ & ~readable);
    on_bad_frame(is_too_large);
}

void framed_stream::hold(std::uint8_t why) {
    if (!is_paused()) flow().paused_since_ms = shard_.now_ms();  // first, since it may allocate
    if (state_.hold(why)) watch(watched_ & ~readable);
}

void framed_stream::release(std::uint8_t why) {
    if (state_.release(why)) resumes(kept_ || left_frame_ == left_frame::in_framing);
}

/// Registers the stream to be read after a hold. `has_more`: input has been received that waits for that.
void framed_stream::resumes(bool has_more) {
    // A hold does not count as time of the frame.
    if (flow_->frame_since_ms != 0) flow_->frame_since_ms += shard_.now_ms() - flow_->paused_since_ms;
    // A client that has sent more already waits like all others that have much to be read.
    if (account_ && has_more) shard_.read_more(*this);
    else shard_.read_on(*this);
}

// ---- what is held --------------------------------------------------------------------------------

void framed_stream::settle_input() {
    if (!account_) return;
    std::size_t bytes = 0;
    bool has_begun = false;
    if (fd_ >= 0 && !is_closing()) {
        const std::size_t ciphered = cipher_ ? cipher_->held_input() : 0;
        bytes = (kept_ ? kept_->capacity : 0) + (framing_ ? framing_->held_bytes() : 0) + ciphered;
        has_begun = kept_ || ciphered > 0 || (framing_ && framing_->has_begun());
    }
    const bool is_new = std::exchange(frame_clock_, frame_clock::runs) == frame_clock::begins_anew;
    if (bytes == 0 && has_begun) bytes = 1;  // a byte of a header is enough to count
    if (bytes == 0 && !flow_) return;
    flow_state& now = flow();
    if (!has_begun) now.frame_since_ms = 0;
    else if (now.frame_since_ms == 0 || is_new) now.frame_since_ms = shard_.now_ms();
    account_->input.set(now, now.input, bytes);
    if (bytes > 0) shard_.wake_sweep();
    if (bytes == 0 && now.output.bytes == 0 && !is_paused() && !is_blocked()) flow_.reset();
}

void framed_stream::discard_input() {
    state_.end_input();
    watch(watched_ & ~readable);
    if (kept_) drop_kept(std::move(kept_));
    if (framing_) framing_->discard();
    left_frame_ = left_frame::none;
    settle_input();
}

/// The weight of input grows with the time since its frame began, so that a client that sends a large frame now does
/// not pay for clients that hold back many. Input that came before a pause does not grow, since the other end does not
/// hold it back.
std::uint64_t framed_stream::flow_state::held_weight(held_kind what, std::uint64_t now_ms) const noexcept {
    if (what == held_kind::output) return output.bytes;
    const auto reading = stream.state_.read_state();
    const bool is_held = reading == stream_state::reading::held || reading == stream_state::reading::resuming;
    const bool waits_for_us = is_held || frame_since_ms == 0;
    return std::uint64_t{input.bytes} * (waits_for_us ? 1 : 1 + (now_ms - std::min(now_ms, frame_since_ms)));
}

void framed_stream::flow_state::check_frame_time(std::uint64_t) {
    if (frame_since_ms != 0 && !stream.cannot_read() && !stream.is_closing()) stream.on_frame_pending(frame_since_ms);
}

void framed_stream::watch(std::uint32_t events) {
    if (has_input_ended() || is_closing()) events &= ~readable;
    if (fd_ < 0) return;
    if ((events & readable) != 0 && state_.look_again()) {
        watched_ = events;
        shard_.loop().add(fd_, watched_, *this);
        return;
    }
    if (events == watched_) return;
    watched_ = events;
    if (state_.input_state() != stream_state::input::hung_up) shard_.loop().change(fd_, watched_, *this);
}

void framed_stream::close_after_flush(close_reason reason) {
    if (!state_.flush_and_end()) return;
    closing_reason_ = reason;
    watch(watched_ & ~readable);
    const bool is_written = (!outbox_ || outbox_->empty()) && (!cipher_ || cipher_->pending_output().empty());
    if (is_written) part();
    else mark_dirty();
}

void framed_stream::close(close_reason reason) noexcept {
    if (fd_ < 0) return;
    const int fd = fd_;
    end(reason);
    ::close(fd);
}

stream_parts framed_stream::release_parts() {
    stream_parts taken;
    if (kept_) taken.received.assign(kept_->view());
    if (state_.input_state() != stream_state::input::hung_up) shard_.loop().remove(fd_);
    state_.take_out();
    taken.socket = owned_socket{std::exchange(fd_, -1)};
    taken.cipher = std::move(cipher_);
    if (kept_) drop_kept(std::move(kept_));
    if (outbox_ && outbox_->empty()) shard_.give_back(std::move(outbox_));
    taken.queued = std::move(outbox_);
    settle_input();
    settle_output();
    return taken;
}

/// Ends the stream after everything is written, without the reset that close() would send if input is unread.
void framed_stream::part() noexcept {
    const int fd = fd_;
    const bool has_peer_finished = closing_reason_ == close_reason::closed_by_peer;
    end(closing_reason_);
    if (has_peer_finished) ::close(fd);
    else shard_.see_off(fd);
}

/// Ends the stream and leaves the descriptor to the caller.
void framed_stream::end(close_reason reason) noexcept {
    state_.end();
    closing_reason_ = reason;
    if (cipher_) {
        shard_.guarded("the end of a cipher", [&] {
            cipher_->end_output();
            const std::string_view farewell = cipher_->pending_output();
            if (!farewell.empty()) ::send(fd_, farewell.data(), farewell.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        });
    }
    if (state_.input_state() != stream_state::input::hung_up) shard_.loop().remove(fd_);
    fd_ = -1;
    tell_end();
}

void framed_stream::tell_end() noexcept {
    if (!shard_.guarded("the end of a stream", [&] { on_closed(closing_reason_); })) return shard_.read_on(*this);
    state_.told();
    if (outbox_) {
        outbox_->clear();
        shard_.give_back(std::move(outbox_));
    }
    if (kept_) drop_kept(std::move(kept_));
    shard_.guarded("the end of a stream", [&] {
        settle_input();
        settle_output();
    });
}

}  // namespace bester::exchange
