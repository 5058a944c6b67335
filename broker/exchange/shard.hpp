#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "exchange/counters.hpp"
#include "exchange/directory.hpp"
#include "exchange/event_loop.hpp"
#include "exchange/exchange_settings.hpp"
#include "exchange/executor.hpp"
#include "exchange/group_table.hpp"
#include "exchange/handler_port.hpp"
#include "exchange/mailbox.hpp"
#include "exchange/observer_list.hpp"
#include "exchange/outbox.hpp"
#include "exchange/parting_sockets.hpp"
#include "exchange/peer_port.hpp"
#include "exchange/session_table.hpp"
#include "exchange/task.hpp"
#include "exchange/turn.hpp"
#include "wire/handler_codec.hpp"
#include "wire/json_reader.hpp"

namespace bester::exchange {

struct kept_bytes;

/// An object on a shard with deadlines that are checked from time to time, such as sessions that wait for their log-in,
/// or messages.
class swept {
public:
    virtual ~swept() = default;
    /// Checks deadlines; returns whether it wants to be called again soon.
    virtual bool sweep(std::uint64_t now_ms) = 0;
};

/// One thread with its own event loop and everything it owns: sessions, channels, groups, buffers.
/// Other threads reach it through post(); everything else is for its own thread.
///
/// Its loop waits, reads the clocks, then runs one turn (exchange/turn.hpp): ready descriptors are handled, mail is
/// run, and the streams that got output are written once each, as many as the turn has time for. An exception ends the
/// stream or the piece of work that it left, is counted (internal_errors) and logged; the shard goes on.
class shard final : private turn_host {
public:
    /// `all`: all shards by index, filled before any of them runs.
    shard(unsigned index, const exchange_settings& settings, directory& users, std::span<shard* const> all);
    ~shard();
    shard(const shard&) = delete;
    shard& operator=(const shard&) = delete;

    /// Starts the thread; join() waits for it after stop().
    void start();
    /// Asks the loop to end after its current turn. Any thread.
    void stop();
    void join();
    /// Destroys all that is left when no shard runs any more, while everything that it refers to exists: mail, also for
    /// other shards, deferred work and closed streams.
    void discard() noexcept;

    /// Any thread: runs `work` on this shard.
    void post(task work) { mail_.post(std::move(work)); }
    /// The same for threads that may wait, with what somebody waits for: without the memory for it tries again, every
    /// 10 ms, until there is some.
    void post_surely(task work) noexcept;
    /// Runs `work` on another shard; mail is gathered and posted at the end of the turn, in order.
    void post_to(unsigned target, task work);
    /// Makes sure that the next post_to() of this shard cannot fail.
    void make_room_for(unsigned target);
    /// The same as post_to() for the one reply that a piece of mail owes to the shard that sent it, which waits for it:
    /// there is a place for it from before that piece of mail is run, so it needs no memory. Elsewhere there is mostly
    /// a place, too; if there is none and no memory, the reply is lost, which is counted.
    void post_reply(unsigned target, task work) noexcept;
    /// Returns whether other shards have posted mail that this one has not run; it runs it in the next phase of mail.
    bool has_mail();
    /// Returns how often the mail has been taken. Mail that was posted before has_mail() returned true has been run
    /// when this number has grown.
    std::uint64_t mail_runs() const noexcept { return mail_runs_; }

    unsigned index() const noexcept { return index_; }
    const exchange_settings& settings() const noexcept { return settings_; }
    const exchange_limits& limits() const noexcept { return limits_; }
    void apply(const exchange_limits& limits) noexcept;
    /// Milliseconds on a steady clock, read after the loop has waited and again between the parts of a turn: never
    /// from before the wait.
    std::uint64_t now_ms() const noexcept { return now_ms_; }
    /// Milliseconds since 1970, UTC, read at the same times.
    std::uint64_t wall_ms() const noexcept { return wall_ms_; }

    event_loop& loop() noexcept { return loop_; }
    /// Returns the reader for clients' frames; throws if it is in use: one text is read at a time.
    wire::json_reader_lease reader() { return wire::json_reader_lease{reader_}; }
    /// Returns the reader for frames of handlers and other servers. These hold clients' data some levels deeper than
    /// the clients' own frames, perhaps of clients of a server with a larger limits.json_depth, so its depth is the
    /// largest that any server may allow.
    wire::json_reader_lease reader_for_partners() { return wire::json_reader_lease{reader_, most_json_depth + 8}; }
    directory& users() noexcept { return users_; }
    session_table& sessions() noexcept { return sessions_; }
    group_table& groups() noexcept { return groups_; }
    executor& commands() noexcept { return executor_; }
    exchange::counters& counters() noexcept { return counters_; }
    void count(counter which, std::uint64_t by = 1) noexcept { counters_[which] += by; }

    /// The entrance to other servers; null: there is none.
    peer_port* peers() const noexcept { return peers_; }
    void set_peers(peer_port* peers) noexcept { peers_ = peers; }

    const routing_table& routes() const noexcept { return *routes_; }
    void set_routes(std::shared_ptr<const routing_table> routes) { routes_ = std::move(routes); }

    /// The observers of sessions that connect, disconnect, join and leave.
    observer_list<session_observer>& observers() noexcept { return observers_; }
    /// The observers of servers that are reached and lost.
    observer_list<peer_observer>& peer_observers() noexcept { return peer_observers_; }

    void add_source(command_source& who) { sources_.emplace(who.source_id(), &who); }
    void remove_source(command_source& who) { sources_.erase(who.source_id()); }
    command_source* find_source(std::uint64_t id) const noexcept;
    std::uint64_t next_source_id() noexcept { return ++last_source_id_; }

    /// Runs `work`. An exception that leaves it is counted and logged as one in `where`, and goes no further. Returns
    /// whether there was none.
    template <class Work>
    bool guarded(const char* where, Work&& work) noexcept {
        try {
            work();
            return true;
        } catch (...) {
            caught(where);
            return false;
        }
    }

    /// Registers an object to be swept: while it asks for it, and after wake_sweep().
    void add_swept(swept& who) { swept_.push_back(&who); }
    void remove_swept(swept& who) { std::erase(swept_, &who); }
    void wake_sweep() noexcept { wants_sweep_ = true; }

    // For framed_stream.
    std::span<char> receive_buffer() noexcept { return {receive_buffer_.get(), receive_size}; }
    /// Returns how many bytes a client's stream may receive at a time. If many are ready, each gets a part of what one
    /// turn reads, so that no client waits long for the others.
    std::size_t receive_share() const noexcept { return receive_share_; }
    /// Too much input is held: streams of clients receive none in the rest of this turn.
    void stop_input() noexcept { takes_input_ = false; }
    bool takes_input() const noexcept { return takes_input_; }
    /// A stream begins to be read, which is_reading_over() measures.
    void begin_reading() noexcept { reading_since_ = std::chrono::steady_clock::now(); }
    /// Returns whether the stream that is read has had its time, because what it sends costs much: for a client's a
    /// part of what one turn has for all that are ready.
    bool is_reading_over(bool is_client) const noexcept {
        const auto most = is_client ? time_share_ : partner_time;
        return std::chrono::steady_clock::now() - reading_since_ >= most;
    }
    /// Returns the buffer for the input of ciphered streams, which is made at the first call.
    std::span<char> cipher_buffer();
    std::unique_ptr<outbox> take_outbox();
    void give_back(std::unique_ptr<outbox> unused) noexcept;
    std::unique_ptr<kept_bytes> take_kept();
    void give_back(std::unique_ptr<kept_bytes> unused) noexcept;
    void flush_later(turn_stream& stream) noexcept { turn_.flush(stream); }
    /// The same, but in any case in the next phase of writing; for streams of which there are few.
    void flush_first(turn_stream& stream) noexcept { turn_.flush_first(stream); }
    /// Calls `who` once, in its phase of this turn or of the next. Takes no memory, so it cannot fail.
    void work_later(turn_worker& who) noexcept { turn_.add(who); }
    void read_on(turn_stream& stream) noexcept { turn_.read_on(stream); }
    /// The same, of a stream that has more to read than its share: when its turn comes, among all that have.
    void read_more(turn_stream& stream) noexcept { turn_.read_more(stream); }
    /// Returns whether one more connection may continue its TLS handshake in this turn. Many handshakes take turns, so
    /// that connected clients do not wait for all of them: the loop reports the others again in the next turn.
    bool may_open_another() noexcept { return openings_left_ > 0 && openings_left_-- > 0; }
    /// Frees what is kept only to be used again: its pieces lie among memory that could go back to the system.
    void give_up_spare() noexcept;
    void account_kept(std::ptrdiff_t bytes) noexcept { kept_size_ += static_cast<std::size_t>(bytes); }
    chunk_pool& chunks() noexcept { return chunks_; }
    /// Closes a socket to which everything has been written, after the other side had time to read it.
    void see_off(int fd) noexcept { parting_.add(fd); }
    /// Destroys a closed stream when nothing can refer to it any more: at the end of the next turn.
    void bury(std::unique_ptr<turn_stream> closed) noexcept { turn_.bury(std::move(closed)); }
    /// Calls `after` when the current turn has written as much output as it has time for, and posted its mail. It holds
    /// ids, not pointers to what may be closed until then.
    void at_turn_end(std::function<void()> after) { turn_.defer(std::move(after)); }

    /// Returns the bytes in this shard's streams, without shared payloads.
    std::size_t queued_memory() const noexcept { return chunks_.bytes_in_use() + kept_size_; }

private:
    static constexpr std::size_t cipher_size = std::size_t{64} << 10;
    static constexpr std::size_t receive_size = std::size_t{256} << 10;
    static constexpr std::size_t received_in_a_turn = std::size_t{256} << 10;
    static constexpr std::size_t least_share = std::size_t{1} << 10;
    static constexpr std::chrono::microseconds reading_in_a_turn{5'000};
    static constexpr std::chrono::microseconds least_time_share{20};
    static constexpr std::chrono::microseconds partner_time{2'000};  ///< for a handler's channel or another server
    static constexpr std::chrono::microseconds writing_in_a_turn{5'000};
    static constexpr std::chrono::milliseconds sweep_interval{50};
    static constexpr unsigned handled_by_one_clock = 16;
    static constexpr std::chrono::milliseconds more_reading{
        2};  ///< time in a turn for streams that have more than their share
    static constexpr unsigned openings_in_a_turn = 4;
    static constexpr std::size_t replies_kept = 32;  ///< places for replies, before so many pieces of mail are run
    static constexpr std::size_t most_spare_outboxes = 4'096;
    static constexpr std::size_t most_spare_kept = 256;

    class mail_slot final : public pollable {
    public:
        explicit mail_slot(shard& owner) noexcept : owner_{owner} {}
        void on_ready(std::uint32_t) override { owner_.has_mail_ = true; }
        void fail() noexcept override {}

    private:
        shard& owner_;
    };

    /// Reports changed groups once, at the end of the turn.
    class group_teller final : public turn_worker {
    public:
        explicit group_teller(shard& owner) noexcept : turn_worker{work_phase::writing}, owner_{owner} {}
        void work_in_turn() override {
            // A report that failed is repeated in the next turn.
            if (!owner_.guarded("news of groups", [this] { owner_.groups_.tell_changes(); })) owner_.work_later(*this);
        }

    private:
        shard& owner_;
    };

    void run();
    void keep_room(std::vector<task>& out, std::size_t places);
    void read_clocks() noexcept;
    bool is_sweep_due() noexcept;
    std::chrono::milliseconds longest_wait() const noexcept;

    // As turn_host.
    void handle_ready() override;
    void run_mail() override;
    bool run_taken_mail();
    void sweep() override;
    bool may_read_more(std::size_t count) override;
    bool may_write_more(std::size_t count) override;
    void post_outgoing() override;
    void caught(const char* where) noexcept override;

    unsigned index_;
    const exchange_settings& settings_;
    exchange_limits limits_;
    directory& users_;
    std::span<shard* const> all_;
    std::thread thread_;
    bool is_stopping_ = false;
    bool has_mail_ = false;
    bool wants_sweep_ = false;
    std::uint64_t now_ms_ = 0;
    std::uint64_t wall_ms_ = 0;
    std::uint64_t looked_ms_ = 0;  ///< when the loop last looked for what is ready
    std::uint64_t next_sweep_ms_ = 0;
    std::size_t postponed_sweeps_ = 0;
    unsigned openings_left_ = 0;
    std::chrono::steady_clock::time_point read_more_until_;
    std::chrono::steady_clock::time_point write_until_;
    std::uint64_t last_source_id_ = 0;
    std::uint64_t mail_runs_ = 0;

    event_loop loop_;
    mailbox mail_;
    mail_slot mail_slot_;
    std::vector<task> taken_mail_;
    std::size_t next_mail_ = 0;     ///< the piece of taken_mail_ that is to be run next
    std::size_t replies_owed_ = 1;  ///< pieces of mail that may still need their places for replies; 1 also elsewhere
    std::vector<std::vector<task>> outgoing_;
    bool has_outgoing_ = false;
    bool takes_input_ = true;
    std::size_t begin_with_ = 0;  ///< of those that are ready
    std::size_t receive_share_ = receive_size;
    std::chrono::microseconds time_share_ = reading_in_a_turn;
    std::chrono::steady_clock::time_point reading_since_;
    std::unique_ptr<char[]> receive_buffer_;
    std::unique_ptr<char[]> cipher_buffer_;
    wire::json_reader reader_;
    chunk_pool chunks_;
    std::size_t kept_size_ = 0;
    std::vector<std::unique_ptr<kept_bytes>> spare_kept_;
    std::vector<std::unique_ptr<outbox>> spare_outboxes_;
    turn turn_{*this};
    parting_sockets parting_{*this};
    exchange::counters counters_;
    session_table sessions_;
    group_teller group_teller_{*this};
    group_table groups_{[this] { work_later(group_teller_); }};
    std::shared_ptr<const routing_table> routes_;
    peer_port* peers_ = nullptr;
    observer_list<session_observer> observers_;
    observer_list<peer_observer> peer_observers_;
    std::vector<swept*> swept_;
    std::unordered_map<std::uint64_t, command_source*> sources_;
    executor executor_;
};

/// Ends shards that belong together. When it returns, none of them runs, and nothing of their mail, their deferred work
/// and their closed streams is left: what these refer to may be destroyed.
void end_all(const std::vector<std::unique_ptr<shard>>& shards);

}  // namespace bester::exchange
