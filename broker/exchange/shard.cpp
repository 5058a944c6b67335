#include "exchange/shard.hpp"

#include <pthread.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <string>

#include "exchange/framed_stream.hpp"
#include "exchange/random_words.hpp"
#include "log/log.hpp"

namespace bester::exchange {

namespace {

constexpr std::chrono::milliseconds without_memory{
    10};  ///< until something that there was no memory for is tried again

}  // namespace

shard::shard(unsigned index, const exchange_settings& settings, directory& users, std::span<shard* const> all)
    : index_{index},
      settings_{settings},
      limits_{settings.limits},
      users_{users},
      all_{all},
      mail_slot_{*this},
      outgoing_(all.size()),
      receive_buffer_{new char[receive_size + wire::json_padding]},
      reader_{settings.limits.json_depth},
      sessions_{index, random_words{}},
      routes_{std::make_shared<routing_table>()},
      executor_{*this} {
    std::memset(receive_buffer_.get(), 0, receive_size + wire::json_padding);
    // Giving back must not allocate.
    spare_kept_.reserve(most_spare_kept);
    spare_outboxes_.reserve(most_spare_outboxes);
    loop_.add(mail_.wake_fd(), EPOLLIN, mail_slot_);
    read_clocks();
}

shard::~shard() = default;

void shard::apply(const exchange_limits& limits) noexcept {
    limits_ = limits;
    reader_.set_max_depth(limits.json_depth);
}

void shard::start() {
    thread_ = std::thread{[this] { run(); }};
    ::pthread_setname_np(thread_.native_handle(), ("shard " + std::to_string(index_)).c_str());
}

void shard::stop() {
    post([](shard& self) { self.is_stopping_ = true; });
}

void shard::join() {
    if (thread_.joinable()) thread_.join();
}

void shard::discard() noexcept {
    for (std::vector<task>& out : outgoing_) out.clear();
    taken_mail_.clear();
    std::vector<task> left;
    while (mail_.take(left)) left.clear();
    turn_.discard();
}

void end_all(const std::vector<std::unique_ptr<shard>>& shards) {
    for (const auto& each : shards) each->stop();
    for (const auto& each : shards) each->join();
    for (const auto& each : shards) each->discard();
}

void shard::run() {
    while (!is_stopping_) {
        loop_.wait(longest_wait());
        read_clocks();
        looked_ms_ = now_ms_;
        turn_.run();
    }
    // Mail that was posted after the last turn still owns objects, and so do streams closed in the last turns: destroy
    // both here, on their thread, while everything that they refer to exists.
    constexpr int last_turns = 3;
    for (int i = 0; i < last_turns; ++i) {
        loop_.wait(std::chrono::milliseconds{0});
        has_mail_ = true;
        turn_.run();
    }
}

/// One batch may hold as many buffers full of frames as it has streams: each begins with a clock of its own time.
void shard::handle_ready() {
    openings_left_ = openings_in_a_turn;
    takes_input_ = true;
    const std::size_t readers = std::max<std::size_t>(1, loop_.ready() + turn_.waiting_to_read());
    receive_share_ = std::clamp(received_in_a_turn / readers, least_share, receive_size);
    time_share_ = std::max(reading_in_a_turn / static_cast<std::int64_t>(readers), least_time_share);
    unsigned handled = 0;
    unsigned read = 0;
    loop_.dispatch(begin_with_, [&](pollable& ready, std::uint32_t events) {
        if (++handled % handled_by_one_clock == 0) read_clocks();
        if (!guarded("what is ready", [&] { ready.on_ready(events); })) ready.fail();
        if (takes_input_) read = handled;
    });
    // Those behind the one that stopped the input, which are reported again, are the first in the next turn.
    begin_with_ = takes_input_ ? 0 : begin_with_ + read + 1;
    read_clocks();
}

bool shard::may_read_more(std::size_t count) {
    const auto now = std::chrono::steady_clock::now();
    if (count == 0) read_more_until_ = now + more_reading;
    if (count % handled_by_one_clock == 0) read_clocks();
    return count == 0 || now < read_more_until_;
}

bool shard::may_write_more(std::size_t count) {
    if (is_stopping_) return true;  // there is no later turn
    const auto now = std::chrono::steady_clock::now();
    if (count == 0) write_until_ = now + writing_in_a_turn;
    return count == 0 || now < write_until_;
}

void shard::read_clocks() noexcept {
    using namespace std::chrono;
    now_ms_ = static_cast<std::uint64_t>(duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count());
    wall_ms_ = static_cast<std::uint64_t>(duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count());
}

std::chrono::milliseconds shard::longest_wait() const noexcept {
    if (turn_.has_work() || has_outgoing_ || postponed_sweeps_ > 0) return std::chrono::milliseconds{0};
    if (has_mail_) return without_memory;
    return wants_sweep_ ? sweep_interval : std::chrono::milliseconds{-1};
}

bool shard::is_sweep_due() noexcept {
    if (!wants_sweep_ || now_ms_ < next_sweep_ms_) return false;
    // No deadline is checked before all input that had arrived by then is handled: there may be more than one batch of
    // it, and more has come if this turn took long or the process was stopped in it.
    const auto since_look = std::chrono::milliseconds{now_ms_ - looked_ms_};
    if ((loop_.is_batch_full() || since_look >= sweep_interval) && postponed_sweeps_ < loop_.rounds()) {
        ++postponed_sweeps_;
        return false;
    }
    postponed_sweeps_ = 0;
    return true;
}

void shard::sweep() {
    if (!is_sweep_due()) return;
    wants_sweep_ = false;
    next_sweep_ms_ = now_ms_ + static_cast<std::uint64_t>(sweep_interval.count());
    for (std::size_t i = 0; i < swept_.size(); ++i) {
        // The work that failed is not done yet.
        bool wants_more = true;
        guarded("a sweep", [&] { wants_more = swept_[i]->sweep(now_ms_); });
        wants_sweep_ = wants_sweep_ || wants_more;
    }
    if (parting_.sweep(now_ms_)) wants_sweep_ = true;
}

bool shard::has_mail() {
    if (mail_.empty() && next_mail_ == taken_mail_.size()) return false;
    has_mail_ = true;
    return true;
}

void shard::run_mail() {
    if (!std::exchange(has_mail_, false)) return;
    // What was left last time comes before what has come since; and mail_runs() tells of both.
    bool is_done = run_taken_mail();
    if (is_done) {
        mail_.acknowledge();
        mail_.take(taken_mail_);
        is_done = run_taken_mail();
    }
    if (is_done) ++mail_runs_;
    else has_mail_ = true;
    read_clocks();
}

/// Runs what has been taken; returns false if there was no memory to begin all of it.
bool shard::run_taken_mail() {
    while (next_mail_ < taken_mail_.size()) {
        // Where there is no memory for the replies, nothing is begun: the rest of the mail is run in the next turn.
        const std::size_t count = std::min(replies_kept, taken_mail_.size() - next_mail_);
        const auto keep = [&] {
            for (std::vector<task>& out : outgoing_) keep_room(out, count + 1);
        };
        if (!guarded("places for replies", keep)) return false;
        for (replies_owed_ = count + 1; replies_owed_ > 1; --replies_owed_) {
            task& work = taken_mail_[next_mail_++];
            guarded("a piece of mail", [&] { work(*this); });
        }
    }
    taken_mail_.clear();
    next_mail_ = 0;
    return true;
}

void shard::caught(const char* where) noexcept {
    count(counter::internal_errors);
    try {
        std::string what = "unknown";
        try {
            throw;
        } catch (const std::exception& error) {
            what = error.what();
        } catch (...) {}
        log::error("shard {}: internal error in {}, which it ends: {}", index_, where, what);
    } catch (...) {
        // There is no memory for the line either; it is counted.
    }
}

void shard::post_outgoing() {
    if (!has_outgoing_) return;
    bool is_all_posted = true;
    for (std::size_t target = 0; target < outgoing_.size(); ++target) {
        const auto post = [&] { all_[target]->mail_.post(outgoing_[target]); };
        is_all_posted = guarded("mail for another shard", post) && is_all_posted;
    }
    has_outgoing_ = !is_all_posted;
}

void shard::post_surely(task work) noexcept {
    for (;;) {
        try {
            return mail_.post(std::move(work));
        } catch (const std::bad_alloc&) {
            std::this_thread::sleep_for(without_memory);
        }
    }
}

void shard::keep_room(std::vector<task>& out, std::size_t places) {
    const std::size_t size = out.size() + places;
    if (size > out.capacity()) out.reserve(std::max(size, 2 * out.capacity()));
}

void shard::make_room_for(unsigned target) { keep_room(outgoing_[target], 1 + replies_owed_); }

void shard::post_to(unsigned target, task work) {
    make_room_for(target);
    outgoing_[target].push_back(std::move(work));
    has_outgoing_ = true;
}

void shard::post_reply(unsigned target, task work) noexcept {
    guarded("a reply to another shard", [&] { outgoing_[target].push_back(std::move(work)); });
    has_outgoing_ = true;
}

std::span<char> shard::cipher_buffer() {
    if (!cipher_buffer_) cipher_buffer_.reset(new char[cipher_size]);
    return {cipher_buffer_.get(), cipher_size};
}

std::unique_ptr<outbox> shard::take_outbox() {
    if (spare_outboxes_.empty()) return std::make_unique<outbox>(chunks_);
    auto taken = std::move(spare_outboxes_.back());
    spare_outboxes_.pop_back();
    return taken;
}

void shard::give_back(std::unique_ptr<outbox> unused) noexcept {
    if (spare_outboxes_.size() < most_spare_outboxes) spare_outboxes_.push_back(std::move(unused));
}

std::unique_ptr<kept_bytes> shard::take_kept() {
    if (spare_kept_.empty()) return std::make_unique<kept_bytes>();
    auto taken = std::move(spare_kept_.back());
    spare_kept_.pop_back();
    return taken;
}

void shard::give_back(std::unique_ptr<kept_bytes> unused) noexcept {
    if (spare_kept_.size() < most_spare_kept) spare_kept_.push_back(std::move(unused));
}

void shard::give_up_spare() noexcept {
    chunks_.give_up_spare();
    spare_kept_.clear();
    spare_outboxes_.clear();
}

command_source* shard::find_source(std::uint64_t id) const noexcept {
    const auto found = sources_.find(id);
    return found == sources_.end() ? nullptr : found->second;
}

}  // namespace bester::exchange
