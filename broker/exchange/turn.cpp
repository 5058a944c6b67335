#include "exchange/turn.hpp"

namespace bester::exchange {

turn::~turn() { destroy_closed(); }

void turn::discard() noexcept {
    // No stream is called any more, so that none is left in a list from which it would be called.
    for (turn_list* const each : {&resuming_, &waiting_, &dirty_, &dirty_first_, &left_})
        while (each->pop()) {}
    deferred_.clear();
    destroy_closed();
}

void turn::destroy_closed() noexcept {
    // A destructor may bury more streams.
    while (!dying_.empty() || !buried_.empty())
        for (turn_list* const each : {&dying_, &buried_})
            while (turn_stream* const stream = each->pop()) delete stream;
}

/// A stream that still waits to read or to be written is called once more before it is destroyed, and finds that it is
/// closed.
void turn::destroy(turn_list gone) noexcept {
    while (turn_stream* const stream = gone.pop()) {
        if (stream->reading_ || stream->writing_) buried_.push(*stream);
        else delete stream;
    }
}

template <class Work>
bool turn::guard(const char* where, Work&& work) noexcept {
    try {
        work();
        return true;
    } catch (...) {
        host_.caught(where);
        return false;
    }
}

/// Streams that are registered meanwhile are called in the next turn, so that none is starved.
void turn::call_all(turn_list& registered, const char* where, void (turn_stream::*what)()) {
    turn_list now = registered.take();
    while (turn_stream* const stream = now.pop()) call_on(*stream, where, what);
}

void turn::call_on(turn_stream& stream, const char* where, void (turn_stream::*what)()) {
    if (!guard(where, [&] { (stream.*what)(); })) stream.fail();
}

/// Each stream at most once; one with more input is then behind all others.
void turn::read_waiting() {
    const turn_stream* const last = waiting_.last();
    for (std::size_t count = 0; !waiting_.empty() && host_.may_read_more(count); ++count) {
        turn_stream& next = *waiting_.pop();
        call_on(next, "a stream that reads more", &turn_stream::read_on);
        if (&next == last) return;
    }
}

/// Each stream at most once: those that were left before, and those that were registered since, one after the other.
void turn::write_in_turns() {
    turn_list fresh = dirty_.take();
    for (std::size_t count = 0; !(left_.empty() && fresh.empty()) && host_.may_write_more(count); ++count) {
        const bool is_from_left = fresh.empty() || (!left_.empty() && count % 2 == 0);
        call_on(*(is_from_left ? left_ : fresh).pop(), "a stream that is written", &turn_stream::flush);
    }
    while (turn_stream* const stream = fresh.pop()) {
        left_.push(*stream);
        call_on(*stream, "a stream that is not written yet", &turn_stream::left_unwritten);
    }
}

/// The same of workers.
void turn::call_workers(turn_place& registered, const char* where) {
    called_workers_.replace(registered);
    while (!called_workers_.is_alone()) {
        turn_worker& worker = static_cast<turn_worker&>(called_workers_.next());
        worker.leave();
        guard(where, [&] { worker.work_in_turn(); });
    }
}

void turn::run() {
    phase_ = turn_phase::handling;
    guard("what is ready", [&] { host_.handle_ready(); });
    phase_ = turn_phase::mail;
    guard("mail", [&] { host_.run_mail(); });
    guard("a sweep", [&] { host_.sweep(); });
    phase_ = turn_phase::reading_on;
    call_all(resuming_, "a stream that reads on", &turn_stream::read_on);
    read_waiting();
    phase_ = turn_phase::writing;
    call_workers(writers_, "a writer");
    call_all(dirty_first_, "a stream that is written", &turn_stream::flush);
    write_in_turns();
    guard("mail for other shards", [&] { host_.post_outgoing(); });
    phase_ = turn_phase::ending;
    end();
    phase_ = turn_phase::ended;
}

void turn::end() {
    called_deferred_.swap(deferred_);
    for (const auto& work : called_deferred_) guard("the end of a turn", work);
    called_deferred_.clear();
    call_workers(enders_, "the end of a turn");
    guard("mail for other shards", [&] { host_.post_outgoing(); });
    // A destructor may bury more streams; these are younger than the ones destroyed here.
    turn_list gone = dying_.take();
    dying_ = buried_.take();
    destroy(std::move(gone));
}

}  // namespace bester::exchange
