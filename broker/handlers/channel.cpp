#include "handlers/channel.hpp"

#include <algorithm>
#include <utility>

#include "exchange/session.hpp"
#include "exchange/undo.hpp"
#include "handlers/handler_queue.hpp"
#include "handlers/log_words.hpp"
#include "handlers/shard_handlers.hpp"
#include "log/log.hpp"
#include "wire/client_codec.hpp"
#include "wire/counted.hpp"
#include "wire/json_text.hpp"

namespace bester::handlers {

using exchange::close_reason;
using exchange::counter;
using exchange::frame_verdict;
using wire::error_code;
using wire::handler_frame_kind;

namespace {

/// Memory for data that a slot keeps for its next message.
constexpr std::size_t most_spare_data = 4'096;

}  // namespace

channel::channel(shard_handlers& owner, handler_queue& queue, channel_offer&& offer,
                 std::shared_ptr<instance_progress> progress)
    : framed_stream{owner.shard(), std::exchange(offer.fd, -1), queue.settings().message_size},
      owner_{owner},
      queue_{queue},
      instance_{std::move(offer.instance)},
      received_{std::move(offer.received)},
      wishes_{offer.wishes},
      groups_owner_{offer.groups_owner.empty() ? instance_.handler : std::move(offer.groups_owner)},
      source_id_{owner.shard().next_source_id()},
      liveness_{offer.wishes.answers_pings},
      progress_{std::move(progress)},
      seen_executed_(progress_->executed.size()),
      executed_before_mail_(progress_->executed.size()) {
    shard_.add_source(*this);
}

channel::~channel() = default;

void channel::begin() {
    // First, so that the other observers have heard everything that the snapshot contains.
    if (wishes_.group_events) shard_.groups().watch(groups_owner_, *this);
    if (wishes_.client_events || wishes_.group_events || (wishes_.peer_events && shard_.index() == 0)) send_snapshot();
    if (wishes_.client_events) shard_.observers().add(*this);
    if (wishes_.peer_events && shard_.index() == 0) shard_.peer_observers().add(*this);
    start(received_);
    received_ = {};
}

void channel::become_ready() {
    if (service_ == service::open && is_open()) queue_.add_ready(*this);
}

std::size_t channel::most_recipients() const noexcept { return queue_.settings().recipients; }

exchange::instance_mark channel::mark() const noexcept {
    return {std::hash<std::string>{}(instance_.handler) + instance_.number, instance_.epoch};
}

const exchange::command_rights* channel::rights() const noexcept { return queue_.rights(); }

bool channel::take_command(std::uint64_t now_ms) noexcept {
    return budget_.take(queue_.settings().may.rate_of_shard(shard_.settings().shards), now_ms) == 0;
}

bool channel::has_room() const noexcept {
    const handler_settings& settings = queue_.settings();
    const std::size_t shards = shard_.settings().shards;
    // Half of it is left to events, reports and refusals, without which the channel would end.
    return held_.size() < (settings.window + shards - 1) / shards && queued_bytes() < settings.queue_bytes / 2 &&
           kept_bytes_ < settings.queue_bytes;
}

// ---- messages ----------------------------------------------------------------------------------

void channel::list_held(std::vector<std::uint64_t>& orders) const {
    held_.for_each([&](std::uint64_t, const held_message& each) { orders.push_back(each.place.order); });
}

void channel::send(const exchange::envelope_view& message, std::string_view data, const queue_place& place) {
    const auto added = held_.add();
    const std::uint64_t id = added.number;
    held_message& used = added.value;
    exchange::undo forget{[&]() noexcept {
        used.data.clear();
        held_.remove(id);
    }};
    used.message.assign(message);
    used.place = place;
    used.sent_ms = shard_.now_ms();
    if (queue_.settings().idempotent) used.data = data;

    const auto session_text = message.origin.text();
    wire::handler_message frame;
    frame.id = id;
    frame.type_token = message.type_token;
    frame.key_token = message.key_token;
    frame.data = data;
    frame.origin.user = message.user;
    frame.origin.about = message.about;
    if (message.origin) frame.origin.session = session_text;
    frame.origin.server = shard_.settings().server_name;
    if (!message.remote.empty()) {
        const auto origin = exchange::remote_origin::unpack(message.remote);
        frame.origin.session = origin.session;
        frame.origin.server = origin.server;
    }
    frame.is_request = !message.id_token.empty();
    frame.time_ms = shard_.wall_ms();
    frame.has_deadline = queue_.settings().start != start_mode::manual;
    frame.deadline_ms = place.deadline_ms > shard_.now_ms() ? place.deadline_ms - shard_.now_ms() : 0;
    std::size_t size = 0;
    enqueue(wire::handler_message_size(frame), [&](char* room) {
        return size = static_cast<std::size_t>(wire::write_handler_message(room, frame) - room);
    });
    forget.done();
    kept_bytes_ += used.data.size();
    used.stream_begin = total_queued_;
    used.frame_size = static_cast<std::uint32_t>(size);
    used.data_size = static_cast<std::uint32_t>(data.size());
    total_queued_ += size;
    shard_.wake_sweep();
}

void channel::release(std::uint64_t id, held_message& ended) {
    kept_bytes_ -= ended.data.size();
    if (ended.data.capacity() <= most_spare_data) ended.data.clear();
    else ended.data = {};
    const std::uint64_t order = ended.place.order;
    held_.remove(id);
    queue_.ended(order);
}

// ---- from the handler --------------------------------------------------------------------------

frame_verdict channel::on_frame(std::string_view body) {
    heard();
    if (!wire::decode_handler_frame(shard_.reader_for_partners(), body, frame_)) {
        protocol_error("a frame was not understood: " + wire::describe_problem(shard_.reader(), body, frame_));
        return frame_verdict::closed;
    }
    switch (frame_.kind) {
        case handler_frame_kind::answer:
        case handler_frame_kind::push:
            if (!executing_.has_begun() && !frame_.after.empty()) {
                if (must_wait()) return frame_verdict::not_yet;
                if (must_run_mail_first()) return frame_verdict::next_turn;
            }
            // A frame with many commands is executed in parts of several turns.
            if (!(frame_.kind == handler_frame_kind::answer ? take_answer() : take_push()))
                return is_open() ? frame_verdict::next_turn : frame_verdict::closed;
            if (executing_.has_begun()) executing_ = {};
            executed_one();
            break;
        case handler_frame_kind::query:
            shard_.count(counter::queries);
            answer_query();
            break;
        case handler_frame_kind::draining: drain(); break;
        case handler_frame_kind::ready: owner_.instance_confirmed(instance_); break;
        case handler_frame_kind::pong:
        case handler_frame_kind::unknown: break;
    }
    return is_open() ? frame_verdict::taken : frame_verdict::closed;
}

bool channel::take_push() {
    if (!executing_.has_begun()) shard_.count(counter::pushes);
    return shard_.commands().push(*this, frame_, executing_);
}

/// Returns whether the frame is done with.
bool channel::take_answer() {
    held_message* const answered = held_.find(frame_.id);
    if (!answered) {
        shard_.count(counter::answers_unknown);
        overdue_.answered(frame_.id);
        for (std::size_t i = 0; i < frame_.commands.size(); ++i)
            if (const std::string_view report = frame_.commands[i].report; !report.empty())
                notify(wire::refused_frame(&frame_.id, i, error_code::handler_timeout,
                                           "no message with this id waits for an answer any more", report));
        return true;
    }
    if (!executing_.has_begun()) shard_.count(counter::answers);
    if (!shard_.commands().answer(*this, exchange::view_of(answered->message), frame_, executing_)) {
        answering_ = frame_.id;
        return false;
    }
    answering_ = 0;
    release(frame_.id, *answered);
    queue_.room_at(*this);
    check_drained();
    return true;
}

bool channel::must_wait() {
    for (const wire::after_entry& entry : frame_.after) {
        if (entry.shard >= progress_->executed.size() || entry.shard == shard_.index()) continue;
        if (progress_->executed[entry.shard].load(std::memory_order_acquire) >= entry.count) continue;
        awaited_ = entry;
        after_.begin(shard_.now_ms());
        shard_.wake_sweep();
        owner_.wait_for_frames(instance_, entry.shard, entry.count);
        return true;
    }
    after_.end();
    return false;
}

/// Mail of the frames that this one comes after has been posted here: it is executed first.
bool channel::must_run_mail_first() {
    if (awaits_mail_ && shard_.mail_runs() != mail_runs_) {
        executed_before_mail_.swap(seen_executed_);
        awaits_mail_ = false;
    }
    const auto is_run = [&](const wire::after_entry& entry) {
        return entry.shard >= executed_before_mail_.size() || entry.shard == shard_.index() ||
               executed_before_mail_[entry.shard] >= entry.count;
    };
    if (std::all_of(frame_.after.begin(), frame_.after.end(), is_run)) return false;
    if (awaits_mail_) return true;
    std::transform(progress_->executed.begin(), progress_->executed.end(), seen_executed_.begin(),
                   [](const auto& count) { return count.load(std::memory_order_acquire); });
    awaits_mail_ = shard_.has_mail();
    mail_runs_ = shard_.mail_runs();
    if (!awaits_mail_) executed_before_mail_.swap(seen_executed_);
    return awaits_mail_;
}

void channel::wake_when_executed(std::uint64_t count, unsigned waiting_shard) {
    // A channel waits for one frame at a time, and asks again while it waits.
    std::erase_if(waiters_, [waiting_shard](const waiter& w) { return w.shard == waiting_shard; });
    waiters_.push_back({count, waiting_shard});
    tell_waiters();
}

void channel::after_may_be_met() { resume(); }

void channel::executed_one() {
    const bool is_due = progress_->executed.size() > 1 && executed_ == published();
    // Not before this turn's mail for other shards is in their mailboxes.
    if (is_due) owner_.publish_later(instance_.epoch);
    ++executed_;
}

std::uint64_t channel::published() const noexcept {
    return progress_->executed[shard_.index()].load(std::memory_order_relaxed);
}

void channel::publish_progress() {
    progress_->executed[shard_.index()].store(executed_, std::memory_order_release);
    tell_waiters();
}

void channel::tell_waiters() {
    std::erase_if(waiters_, [&](const waiter& w) {
        if (w.count > published()) return false;
        owner_.tell_waiter(instance_, w.shard);
        return true;
    });
}

/// Channels of other shards that come after frames of this one hear of all that was executed, and go on.
void channel::publish_after_the_end() {
    shard_.at_turn_end([&owner = owner_, instance = instance_, progress = progress_, executed = executed_,
                        mine = shard_.index(), waiters = waiters_] {
        progress->executed[mine].store(executed, std::memory_order_release);
        for (const waiter& w : waiters) owner.tell_waiter(instance, w.shard);
    });
    waiters_.clear();
}

/// Queues a frame for the handler, or ends the channel: without the frame the handler would hold a false picture, or
/// wait for ever.
void channel::notify(std::string_view frame) noexcept {
    if (!shard_.guarded("a frame for a handler", [&] { queue_notice(frame); })) miss_frame();
}

void channel::queue_notice(std::string_view frame) {
    if (!is_open() || life_ == life::overfull || life_ == life::ending) return;
    // One message may be queued on top of the half that messages may take.
    const handler_settings& settings = queue_.settings();
    const std::size_t most = settings.queue_bytes + settings.message_size + wire::frame_header_size;
    if (queued_bytes() + frame.size() > most) flush_early();
    if (queued_bytes() + frame.size() > most) {
        // Not now, since this may be called while its commands are executed.
        owner_.lose_later(instance_.epoch, "it does not read what it asked for (queue_bytes)");
        life_ = life_ == life::failing ? life::ending : life::overfull;
        return;
    }
    queue_frame(frame);
}

void channel::queue_frame(std::string_view frame) {
    enqueue(frame);
    total_queued_ += frame.size();
}

// ---- the end -----------------------------------------------------------------------------------

void channel::drain() {
    if (service_ != service::open) return check_drained();
    service_ = service::draining;
    queue_.remove_ready(*this);
    notify(wire::make_frame(R"({"kind":"drain"})"));
    check_drained();
}

void channel::check_drained() {
    if (service_ != service::draining || !held_.empty()) return;
    owner_.channel_drained(instance_);
    service_ = service::drained;
}

void channel::fail(std::string_view reason) {
    if (!is_open() || life_ == life::failing || life_ == life::ending) return;
    if (lost_reason_.empty()) lost_reason_ = reason;
    life_ = life::failing;
    queue_.remove_ready(*this);
    // The process may be known to have ended before its last answers have been read, and these may come after frames on
    // another channel, which executes them now: its answers count.
    read_until_dry();
}

void channel::on_dry() {
    life_ = life::ending;
    close(close_reason::handler_lost);
}

void channel::lost(std::string_view reason, loss why) {
    if (!is_open()) return;
    const bool is_known = life_ == life::failing || life_ == life::ending;
    if (lost_reason_.empty()) lost_reason_ = reason;
    if (!is_known) owner_.channel_lost(instance_, std::string{reason}, why);
    life_ = life::ending;
    close(close_reason::handler_lost);
}

void channel::protocol_error(std::string_view what) {
    shard_.count(counter::protocol_errors);
    log::warning("handler {}: protocol error: {}", name_of(instance_), what);
    std::string body = R"({"kind":"error","code":"protocol_error","reason":)";
    wire::append_quoted(body, what);
    queue_frame(wire::make_frame(body + '}'));
    flush_early();
    lost("protocol error: " + std::string{what});
}

void channel::on_bad_frame(bool is_too_large) {
    protocol_error(is_too_large ? "a frame is larger than message_size" : "a frame's length is less than 2");
}

void channel::on_end_of_input() { lost("it closed a channel"); }

void channel::on_closed(close_reason reason) {
    if (wishes_.client_events) shard_.observers().remove(*this);
    if (wishes_.peer_events) shard_.peer_observers().remove(*this);
    if (wishes_.group_events) shard_.groups().unwatch(*this);
    shard_.remove_source(*this);
    if (lost_reason_.empty()) lost_reason_ = exchange::to_string(reason);
    queue_.withdraw(*this);
    shard_.commands().give_up(executing_);
    give_up_held();
    queue_.forget(*this);
    publish_after_the_end();
    // Unless its owner has lost it, or knows already.
    if (life_ == life::whole || life_ == life::overfull) {
        owner_.channel_lost(instance_, lost_reason_, loss::broken);
        life_ = life::ending;
    }
    check_drained();
    owner_.closed(*this);
}

/// Messages that were not handed over, or may be handed over twice, go to another instance; the
/// others have failed.
void channel::give_up_held() {
    if (held_.empty()) return;
    std::vector<std::pair<std::uint64_t, held_message*>> held;
    held_.for_each([&](std::uint64_t id, held_message& each) { held.emplace_back(id, &each); });
    std::sort(held.begin(), held.end());
    std::string listed;
    for (std::size_t i = 0; i < std::min(held.size(), most_logged); ++i)
        listed +=
            (i ? ", " : "") + describe(held[i].second->message) + held_for(held[i].second->sent_ms, shard_.now_ms());
    log::warning("handler {}: lost ({}) with {} on shard {}: {}{}", name_of(instance_), lost_reason_,
                 wire::counted(held.size(), "message"), shard_.index(), listed, held.size() > most_logged ? ", …" : "");
    for (const auto& entry : held) {
        const std::uint64_t id = entry.first;
        held_message* const used = entry.second;
        bool is_given_back = false;
        // One that cannot be given back for want of memory has failed.
        shard_.guarded("a message that is given back", [&] {
            std::string data = take_unsent(*used);
            const bool was_handed_over = data.empty();
            if (was_handed_over && (!queue_.settings().idempotent || used->message.was_retried)) return;
            if (was_handed_over) data = used->data;
            used->message.was_retried = used->message.was_retried || was_handed_over;
            queue_.give_back(std::move(used->message), std::move(data), used->place);
            is_given_back = true;
        });
        if (!is_given_back) {
            shard_.count(counter::handler_failures);
            const auto error = wire::as_status_error(error_code::handler_failed);
            shard_.commands().finish(exchange::view_of(used->message), &error);
        }
        release(id, *used);
    }
}

/// Returns the data of a message of which no byte has been written; else an empty string.
std::string channel::take_unsent(const held_message& used) const {
    std::string frame(used.frame_size, '\0');
    const std::uint64_t back = total_queued_ - used.stream_begin;
    if (!unwritten(static_cast<std::size_t>(back), frame.size(), frame.data())) return {};
    return frame.substr(frame.size() - 1 - used.data_size, used.data_size);  // the last byte is the }
}

}  // namespace bester::handlers
