#include "hostile_pipe.hpp"

#include "wire/link_message.hpp"

#include <algorithm>

namespace bester::peering::test {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_remembered = 200;
constexpr std::size_t stream_limit = 8'000;   ///< then the link takes no more for now
constexpr std::uint64_t wall_ms = 1'000'000;  ///< about that of the senders' first flows
constexpr std::string_view origin = "a";
constexpr std::string_view destination = "b";

}  // namespace

hostile_pipe::hostile_pipe(const hostility& how, std::uint32_t seed) : how_{how}, random_{seed} {
    now_ += 1h;
    restart_sender();
    receiver_ = std::make_unique<flow_receiver>();
}

void hostile_pipe::fail(const std::string& what, std::uint64_t ref) {
    if (broken.empty()) broken = what + ": message " + std::to_string(ref);
}

void hostile_pipe::step(std::size_t offers) {
    now_ += std::chrono::milliseconds{up_to(10)};
    if (!is_healed_) {
        if (chance(how_.sender_restart)) restart_sender();
        if (chance(how_.receiver_restart)) restart_receiver();
        if (is_connected_ && chance(how_.cut)) cut();
    }
    if (!is_connected_ && now_ >= connects_at_) connect();
    for (std::size_t i = 0; i < offers; ++i) offer();
    pull();
    deliver_bytes(up_to(4'000));
    acknowledge();
    deliver_acknowledgements(up_to(4));
    if (now_ >= next_timer_) {
        sender_->on_timer(now_, failed_);
        settle_failures();
        next_timer_ = now_ + 50ms;
    }
    most_held_ = std::max(most_held_, sender_->bytes_held());
}

void hostile_pipe::heal() {
    is_healed_ = true;
    how_.drop = how_.duplicate = 0;
    if (!is_connected_) connects_at_ = now_;
}

void hostile_pipe::offer() {
    const std::uint64_t ref = fates_.size() + 1;
    // A few are larger than the chunks of the store.
    std::string data(chance(0.001) ? 40'000 : up_to(120), '7');
    data += '1';
    std::string body;
    wire::append_link_message(body, wire::submit_message{ref, 0, 0, "\"t\"", "u", {}, {}, data});
    const auto deadline = how_.deadline_ms == 0
                              ? flow_sender::no_deadline
                              : now_ + std::chrono::milliseconds{up_to(2 * static_cast<std::size_t>(how_.deadline_ms))};
    if (sender_->offer(now_, body, deadline, ref)) fates_.emplace_back();
    else ++refused_;
}

void hostile_pipe::restart_sender() {
    if (sender_) {
        if (is_connected_) cut();
        for (message_fate& fate : fates_)
            if (fate.delivered == 0 && fate.failed == 0) fate.is_abandoned = true;
    }
    // Mostly the clock has gone on; sometimes it was set back.
    const auto clock = static_cast<std::uint64_t>(now_.time_since_epoch() / 1ms);
    sender_ = std::make_unique<flow_sender>(how_.settings, chance(0.3) ? clock - up_to(100'000) : clock);
    failed_.clear();
}

void hostile_pipe::restart_receiver() {
    if (is_connected_) cut();
    receiver_ = std::make_unique<flow_receiver>();
    // What begins a flow must not come again in its next life: no link repeats across that.
    std::erase_if(past_, [](const std::string& frame) {
        wire::link_frame read;
        decode_link_frame(std::string_view{frame}.substr(wire::frame_header_size), read);
        return std::holds_alternative<wire::probe_frame>(read);
    });
}

void hostile_pipe::cut() {
    ++cuts_;
    deliver_bytes(up_to(stream_.size()));  // so much had arrived; the rest never does
    stream_.clear();
    partial_.clear();
    if (chance(0.5)) acknowledgements_.clear();  // some go on, by another way
    is_connected_ = false;
    sender_->on_route_down(now_);
    connects_at_ = now_ + std::chrono::milliseconds{up_to(static_cast<std::size_t>(how_.longest_outage_ms))};
}

void hostile_pipe::connect() {
    is_connected_ = true;
    sender_->on_route_up(now_);
}

void hostile_pipe::remember(std::vector<std::string>& past, std::string_view frame) {
    if (past.size() < most_remembered) past.emplace_back(frame);
    else past[up_to(most_remembered - 1)] = frame;
}

void hostile_pipe::pull() {
    if (!is_connected_) return;
    while (stream_.size() < stream_limit) {
        if (!past_.empty() && chance(how_.duplicate)) stream_ += past_[up_to(past_.size() - 1)];
        const auto next = sender_->next_to_send(now_);
        if (!next) return;
        const wire::flow_header header{8, origin, destination, next->flow, next->number};
        std::string frame;
        if (next->is_probe) append_link_frame(frame, wire::probe_frame{header});
        else append_link_frame(frame, wire::message_frame{header, next->body});
        if (wire::link_message message; !next->is_probe) {
            if (decode_link_message(next->body, message) != wire::link_error::none) fail("a body was spoilt", 0);
            else if (const auto* submit = std::get_if<wire::submit_message>(&message)) {
                message_fate& fate = fates_[submit->ref - 1];
                fate.was_sent = true;
                if (fate.failed != 0) fail("sent although it was given up", submit->ref);
            }
        }
        remember(past_, frame);
        if (!chance(how_.drop)) stream_ += frame;
    }
}

void hostile_pipe::deliver_bytes(std::size_t most) {
    const std::size_t size = std::min(most, stream_.size());
    partial_.append(stream_, 0, size);
    stream_.erase(0, size);
    std::string_view rest = partial_;
    for (;;) {
        const wire::frame_result frame = wire::decode_frame(rest, 1 << 20);
        if (frame.status != wire::frame_status::complete) {
            if (frame.status != wire::frame_status::need_more) fail("framing was lost", 0);
            break;
        }
        on_frame(frame.body);
        rest.remove_prefix(frame.consumed);
    }
    partial_.erase(0, partial_.size() - rest.size());
}

void hostile_pipe::on_frame(std::string_view body) {
    wire::link_frame frame;
    if (decode_link_frame(body, frame) != wire::link_error::none) return fail("a frame was refused", 0);
    if (const auto* probe = std::get_if<wire::probe_frame>(&frame))
        return receiver_->on_probe(wall_ms, probe->header.flow, probe->header.number);
    const auto& message = std::get<wire::message_frame>(frame);
    if (receiver_->on_message(now_, wall_ms, message.header.flow, message.header.number) == flow_verdict::take)
        on_message(message.body);
}

void hostile_pipe::on_message(std::string_view body) {
    wire::link_message message;
    if (decode_link_message(body, message) != wire::link_error::none) return fail("a message was refused", 0);
    const auto* submit = std::get_if<wire::submit_message>(&message);
    if (!submit) return;  // void
    message_fate& fate = fates_[submit->ref - 1];
    if (++fate.delivered != 1) fail("delivered twice", submit->ref);
    if (submit->ref <= last_delivered_) fail("out of order", submit->ref);
    last_delivered_ = std::max(last_delivered_, submit->ref);
    if (fate.failed != 0 && (fate.why == flow_failure::unreachable || !fate.was_sent))
        fail("delivered after it was answered as " + std::string{to_string(fate.why)}, submit->ref);
}

void hostile_pipe::acknowledge() {
    while (const auto due = receiver_->take_acknowledgement(now_)) {
        if (!is_connected_) continue;
        std::string frame;
        append_link_frame(frame,
                          wire::acknowledgement_frame{{8, origin, destination, due->flow, due->next}, due->kind});
        remember(past_acknowledgements_, frame);
        if (!chance(how_.drop)) acknowledgements_.push_back(frame);
    }
}

void hostile_pipe::deliver_acknowledgements(std::size_t most) {
    if (!is_connected_) return;
    if (!past_acknowledgements_.empty() && chance(how_.duplicate))
        on_acknowledgement(past_acknowledgements_[up_to(past_acknowledgements_.size() - 1)]);
    for (; most != 0 && !acknowledgements_.empty(); --most) {
        std::swap(acknowledgements_[up_to(acknowledgements_.size() - 1)], acknowledgements_.back());
        const std::string frame = std::move(acknowledgements_.back());
        acknowledgements_.pop_back();
        on_acknowledgement(frame);
    }
}

void hostile_pipe::on_acknowledgement(std::string_view bytes) {
    wire::link_frame frame;
    if (decode_link_frame(bytes.substr(wire::frame_header_size), frame) != wire::link_error::none)
        return fail("an acknowledgement was refused", 0);
    const auto& acknowledgement = std::get<wire::acknowledgement_frame>(frame);
    sender_->on_acknowledgement(now_, acknowledgement.header.flow, acknowledgement.header.number, acknowledgement.kind,
                                failed_);
    settle_failures();
}

void hostile_pipe::settle_failures() {
    for (const failed_message& each : failed_) {
        message_fate& fate = fates_[each.ref - 1];
        if (++fate.failed != 1) fail("answered twice", each.ref);
        fate.why = each.why;
        if (each.why == flow_failure::lost) ++lost_;
        if (each.why == flow_failure::lost && !fate.was_sent) fail("lost, but never sent", each.ref);
        if (each.why == flow_failure::unreachable && (fate.was_sent || fate.delivered != 0))
            fail("unreachable, but sent", each.ref);
        if (fate.delivered != 0 && !fate.was_sent) fail("delivered and answered", each.ref);
    }
    failed_.clear();
}

}  // namespace bester::peering::test
