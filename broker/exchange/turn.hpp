#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "exchange/event_loop.hpp"

namespace bester::exchange {

/// The calls that a turn makes to a stream, and the stream's places in the lists of the turn: registering a stream
/// takes no memory, so it cannot fail. After an exception that leaves one of the calls, fail() is called, which closes
/// the stream.
class turn_stream : public pollable {
public:
    turn_stream() = default;
    turn_stream(const turn_stream&) = delete;
    turn_stream& operator=(const turn_stream&) = delete;
    virtual ~turn_stream() = default;

    /// Reads on: after a pause, beginning with the input that came before it, or because more input waits.
    virtual void read_on() = 0;
    /// Writes the queue, or a part of it that takes little time; then the stream registers itself for the next turn.
    virtual void flush() = 0;
    /// The turn had no time to write the queue; one of the next turns does.
    virtual void left_unwritten() = 0;

private:
    friend class turn_list;
    friend class turn;
    /// The next stream in a list; in the last one, the stream itself; null: the stream is in no list of this place.
    using list_hook = turn_stream*;
    list_hook reading_ = nullptr;
    list_hook writing_ = nullptr;
    list_hook grave_ = nullptr;
};

/// Streams in the order in which they were put in, each once.
class turn_list {
public:
    explicit turn_list(turn_stream::list_hook turn_stream::*place) noexcept : place_{place} {}

    bool empty() const noexcept { return !first_; }
    std::size_t size() const noexcept { return size_; }
    /// Nothing happens if the stream is in the list, or in another one of the same place.
    void push(turn_stream& stream) noexcept {
        if (stream.*place_) return;
        stream.*place_ = &stream;
        (last_ ? last_->*place_ : first_) = &stream;
        last_ = &stream;
        ++size_;
    }
    /// Returns the one that was put in last; null: the list is empty.
    turn_stream* last() const noexcept { return last_; }
    /// Null: the list is empty.
    turn_stream* pop() noexcept {
        turn_stream* const stream = first_;
        if (!stream) return nullptr;
        first_ = stream == last_ ? nullptr : stream->*place_;
        if (!first_) last_ = nullptr;
        stream->*place_ = nullptr;
        --size_;
        return stream;
    }
    /// All of it; this one is empty then.
    turn_list take() noexcept {
        turn_list taken{place_};
        taken.first_ = std::exchange(first_, nullptr);
        taken.last_ = std::exchange(last_, nullptr);
        taken.size_ = std::exchange(size_, 0);
        return taken;
    }

private:
    turn_stream::list_hook turn_stream::*place_;
    turn_stream* first_ = nullptr;
    turn_stream* last_ = nullptr;
    std::size_t size_ = 0;
};

/// A place in a ring: each knows the next and the one before, so that leaving takes neither time nor memory.
class turn_place {
public:
    turn_place() = default;
    turn_place(const turn_place&) = delete;
    turn_place& operator=(const turn_place&) = delete;
    ~turn_place() { leave(); }

    bool is_alone() const noexcept { return next_ == this; }
    turn_place& next() const noexcept { return *next_; }
    void leave() noexcept {
        next_->previous_ = previous_;
        previous_->next_ = next_;
        next_ = previous_ = this;
    }
    /// Enters the ring of `other` as the last before it; this one must be alone.
    void enter_before(turn_place& other) noexcept {
        next_ = &other;
        previous_ = std::exchange(other.previous_, this);
        previous_->next_ = this;
    }
    /// Takes the place of `other`, which is alone then; this one must be alone.
    void replace(turn_place& other) noexcept {
        enter_before(other);
        other.leave();
    }

private:
    turn_place* next_ = this;
    turn_place* previous_ = this;
};

/// The phase in which a turn_worker is called.
enum class work_phase : std::uint8_t {
    writing,  ///< before the streams are written: it writes output that it has gathered
    ending,   ///< after what was deferred
};

/// An object that has work in a turn, once however often it was registered, and always in the same phase. It has its
/// place among those that are registered in itself, so that registering it takes no memory and cannot fail, and leaves
/// that place when it is destroyed. Belongs to one shard's thread.
class turn_worker : private turn_place {
public:
    explicit turn_worker(work_phase phase) noexcept : phase_{phase} {}
    virtual ~turn_worker() = default;
    virtual void work_in_turn() = 0;

private:
    friend class turn;
    work_phase phase_;
};

enum class turn_phase : std::uint8_t { ended, handling, mail, reading_on, writing, ending };

/// The shard of a turn. Called by turn::run() alone, each function in its phase.
class turn_host {
public:
    /// Calls the objects whose descriptors are ready.
    virtual void handle_ready() = 0;
    /// Runs the mail that other threads have posted.
    virtual void run_mail() = 0;
    /// Checks deadlines; in the same phase as the mail, after it.
    virtual void sweep() = 0;
    /// Whether this turn has time for one more stream that reads more than its share, after `count` of them.
    virtual bool may_read_more(std::size_t count) = 0;
    /// Whether this turn has time to write one more stream, after `count` of them.
    virtual bool may_write_more(std::size_t count) = 0;
    /// Posts the mail that was gathered for other shards.
    virtual void post_outgoing() = 0;
    /// Called in a catch block, after an exception has ended the work `where`.
    virtual void caught(const char* where) noexcept = 0;

protected:
    ~turn_host() = default;
};

/// One turn of a shard's loop, phase by phase: handling what is ready → mail → reading on → writing → ending → ended.
/// The phases never run within each other, nor within themselves: a call that needs work in another phase registers it
/// here, for this turn or the next one.
///
/// Streams that have more to read than their share wait in a list of their own, of which each turn serves as many as it
/// has time for, in order. So a stream with little input waits for one turn and not for all that have much, and none of
/// these is forgotten.
///
/// A turn also writes only as many streams as it has time for. Those that are left wait in a list of their own, in
/// order; they and the streams that got output since then take turns to be written. The few streams that all others
/// depend on (flush_first) are written before them in every turn.
///
/// A stream that was closed is destroyed at the end of the turn after the one in which it was buried, or later, when
/// its turn to read or to be written would have come: by then every list that it was registered in, and the batch of
/// events that it was in, has been gone through. So no other code needs to check whether it still exists, except
/// deferred work (defer), which therefore holds an id. Belongs to one shard's thread.
class turn {
public:
    explicit turn(turn_host& host) noexcept : host_{host} {}
    ~turn();
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;

    /// Runs all phases. An exception that leaves a call ends that call, and closes the stream whose call it was.
    void run();

    /// For the next phase in which streams read on.
    void read_on(turn_stream& stream) noexcept { resuming_.push(stream); }
    /// The same, but only as far as the turn has time; else for one of the next turns.
    void read_more(turn_stream& stream) noexcept { waiting_.push(stream); }
    /// For the next phase in which streams are written, or a later one if that has no time left.
    void flush(turn_stream& stream) noexcept { dirty_.push(stream); }
    /// For the next phase in which streams are written, before all others and in any case.
    void flush_first(turn_stream& stream) noexcept { dirty_first_.push(stream); }
    /// For the next phase of the worker.
    void add(turn_worker& worker) noexcept {
        if (worker.is_alone()) worker.enter_before(worker.phase_ == work_phase::writing ? writers_ : enders_);
    }
    /// Calls `work` when streams have been written, as far as the turn has time, and its mail has been posted. It holds
    /// ids, not pointers to what may be closed until then.
    void defer(std::function<void()> work) { deferred_.push_back(std::move(work)); }
    /// Destroys what was deferred and all closed streams, when no turn will run any more.
    void discard() noexcept;
    /// Takes a closed stream, to destroy it.
    void bury(std::unique_ptr<turn_stream> closed) noexcept {
        if (closed) buried_.push(*closed.release());
    }

    /// Returns how many streams wait to read more than their share.
    std::size_t waiting_to_read() const noexcept { return waiting_.size(); }
    turn_phase phase() const noexcept { return phase_; }
    /// Whether the next turn has something to do though nothing may become ready.
    bool has_work() const noexcept {
        return !resuming_.empty() || !waiting_.empty() || !dirty_.empty() || !dirty_first_.empty() || !left_.empty() ||
               !writers_.is_alone() || !enders_.is_alone() || !deferred_.empty() || !buried_.empty() || !dying_.empty();
    }

private:
    template <class Work>
    bool guard(const char* where, Work&& work) noexcept;
    void call_workers(turn_place& registered, const char* where);
    void call_all(turn_list& registered, const char* where, void (turn_stream::*what)());
    void call_on(turn_stream& stream, const char* where, void (turn_stream::*what)());
    void read_waiting();
    void write_in_turns();
    void end();
    void destroy(turn_list gone) noexcept;
    void destroy_closed() noexcept;

    turn_host& host_;
    turn_phase phase_ = turn_phase::ended;
    turn_list resuming_{&turn_stream::reading_};
    turn_list waiting_{&turn_stream::reading_};  ///< to read more than their share
    turn_list dirty_{&turn_stream::writing_};
    turn_list dirty_first_{&turn_stream::writing_};
    turn_list left_{&turn_stream::writing_};  ///< by earlier turns, which had no time to write them
    turn_place writers_;                      ///< the ring of those that are registered to write
    turn_place enders_;                       ///< the same of those with work at the end
    turn_place called_workers_;               ///< of either kind, while they are called
    std::vector<std::function<void()>> deferred_;
    std::vector<std::function<void()>> called_deferred_;
    turn_list buried_{&turn_stream::grave_};  ///< in this turn
    turn_list dying_{&turn_stream::grave_};   ///< in the one before
};

}  // namespace bester::exchange
