#include "peering/shard/peer_link.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "exchange/shard.hpp"
#include "peering/shard/shard_peers.hpp"

namespace bester::peering {

using exchange::close_reason;
using exchange::frame_verdict;

namespace {

constexpr std::uint64_t least_stuck_ms = 1'000;

std::uint64_t now_us() noexcept {
    using namespace std::chrono;
    return static_cast<std::uint64_t>(duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count());
}

/// Only the link's thread writes it, so the bus need not be locked for each frame.
void count(std::atomic<std::uint64_t>& gauge, std::size_t bytes) noexcept {
    gauge.store(gauge.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
}

}  // namespace

link_offer::link_offer(link_offer&& other) noexcept
    : id{other.id},
      server{std::move(other.server)},
      incarnation{other.incarnation},
      fd{std::exchange(other.fd, -1)},
      cipher{std::move(other.cipher)},
      heartbeat{other.heartbeat},
      peer_frame_limit{other.peer_frame_limit},
      gauge{std::move(other.gauge)} {}

link_offer::~link_offer() {
    if (fd >= 0) ::close(fd);
}

peer_link::peer_link(shard_peers& owner, exchange::shard& on, link_offer&& offer, std::size_t frame_limit)
    : framed_stream{on, std::exchange(offer.fd, -1), frame_limit, std::move(offer.cipher)},
      owner_{owner},
      id_{offer.id},
      server_{std::move(offer.server)},
      heartbeat_ms_{static_cast<std::uint64_t>(offer.heartbeat.count())},
      peer_frame_limit_{offer.peer_frame_limit},
      gauge_{std::move(offer.gauge)},
      last_heard_ms_{on.now_ms()},
      last_ping_ms_{0} {}

void peer_link::begin() {
    gauge_->last_heard_ms = last_heard_ms_;
    start({});
    // The first ping measures the round trip.
    sweep(shard_.now_ms());
}

void peer_link::send(const wire::link_frame& frame) {
    scratch_.clear();
    wire::append_link_frame(scratch_, frame);
    send_raw(scratch_);
}

void peer_link::send_message(const wire::flow_header& header, std::string_view body) {
    const std::size_t size = wire::message_frame_size(header, body.size());
    enqueue(size, [&](char* room) {
        wire::write_message_frame(room, header, body);
        return size;
    });
    count(gauge_->bytes_out, size);
}

void peer_link::send_raw(std::string_view frame) {
    if (!is_open()) return;
    enqueue(frame);
    count(gauge_->bytes_out, frame.size());
}

void peer_link::part(const link_refusal& why) {
    if (!is_open() || is_closing()) return;
    note_end(why.code, why.reason);
    const std::string json = encode(why);
    send(wire::goodbye_frame{json});
    parted_ms_ = shard_.now_ms();
    close_after_flush(close_reason::requested);
}

void peer_link::note_end(std::string code, std::string reason) {
    if (!end_code_.empty()) return;
    end_code_ = std::move(code);
    end_reason_ = std::move(reason);
}

void peer_link::sweep(std::uint64_t now_ms) {
    if (!is_open()) return;
    gauge_->queued_bytes.store(queued_bytes(), std::memory_order_relaxed);
    if (is_closing()) {
        if (now_ms - parted_ms_ > farewell_ms) close(close_reason::write_timeout);
        return;
    }
    if (now_ms - last_heard_ms_ > 2 * heartbeat_ms_) {
        note_end("heartbeat_missed",
                 "nothing was heard for two heartbeats (" + std::to_string(2 * heartbeat_ms_) + " ms)");
        return close(close_reason::connection_lost);
    }
    if (is_stuck(now_ms, std::max(2 * heartbeat_ms_, least_stuck_ms))) {
        note_end("write_timeout", "it has read nothing for two heartbeats");
        return close(close_reason::write_timeout);
    }
    if (last_ping_ms_ != 0 && now_ms - last_ping_ms_ < heartbeat_ms_) return;
    last_ping_ms_ = now_ms;
    ping_token_ = now_us();
    send(wire::ping_frame{ping_token_});
}

frame_verdict peer_link::on_frame(std::string_view body) {
    last_heard_ms_ = shard_.now_ms();
    gauge_->last_heard_ms.store(last_heard_ms_, std::memory_order_relaxed);
    count(gauge_->bytes_in, body.size() + wire::frame_header_size);
    wire::link_frame frame;
    if (const auto error = wire::decode_link_frame(body, frame); error != wire::link_error::none) {
        part({"bad_frame", "a frame was not understood: " + std::string{to_string(error)}, false});
        return frame_verdict::closed;
    }
    if (const auto* ping = std::get_if<wire::ping_frame>(&frame)) {
        // A peer that sends requests without reading gets no more answers: its queue is bounded.
        if (has_room()) send(wire::pong_frame{ping->token});
    } else if (const auto* pong = std::get_if<wire::pong_frame>(&frame)) {
        if (ping_token_ != 0 && pong->token == ping_token_) {
            const std::uint64_t took = std::max<std::uint64_t>(now_us() - std::exchange(ping_token_, 0), 1);
            gauge_->round_trip_us.store(took, std::memory_order_relaxed);
            owner_.on_round_trip(*this, std::chrono::microseconds{took});
        }
    } else if (const auto* goodbye = std::get_if<wire::goodbye_frame>(&frame)) {
        owner_.on_goodbye(*this, goodbye->json);
        close(close_reason::closed_by_peer);
    } else {
        owner_.on_frame(*this, frame, body);
    }
    return is_open() && !is_closing() ? frame_verdict::taken : frame_verdict::closed;
}

void peer_link::on_bad_frame(bool is_too_large) {
    if (is_too_large) part({"too_large", "a frame is larger than peering.message_size", false});
    else part({"bad_frame", "a frame's length is not one", false});
}

void peer_link::on_end_of_input() {
    note_end("connection_lost", "the peer closed the connection");
    close(close_reason::closed_by_peer);
}

void peer_link::on_closed(close_reason reason) {
    note_end("connection_lost", std::string{exchange::to_string(reason)});
    owner_.on_link_closed(*this);
}

void peer_link::on_drained() { owner_.on_link_drained(*this); }

}  // namespace bester::peering
