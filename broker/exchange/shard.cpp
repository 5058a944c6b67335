#include "exchange/shard.hpp"

#include <pthread.h>

#include <cstring>
#include <string>

#include "exchange/framed_stream.hpp"
#include "exchange/random_words.hpp"

namespace bester::exchange {

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

void shard::run() {
    while (!is_stopping_) {
        loop_.wait(longest_wait());
        read_clocks();
        looked_ms_ = now_ms_;
        handle_ready();
        read_clocks();
        if (has_mail_) run_mail();
        sweep_if_due();
        end_turn();
    }
    // What was posted after the last turn still owns things: let it go here, on its thread.
    run_mail();
    end_turn();
}

/// One batch may hold as many buffers full of frames as it has streams: each begins with a clock of its own time.
void shard::handle_ready() {
    unsigned handled = 0;
    loop_.dispatch([&](pollable& ready, std::uint32_t events) {
        if (++handled % handled_by_one_clock == 0) read_clocks();
        ready.on_ready(events);
    });
}

void shard::read_clocks() noexcept {
    using namespace std::chrono;
    now_ms_ = static_cast<std::uint64_t>(duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count());
    wall_ms_ = static_cast<std::uint64_t>(duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count());
}

std::chrono::milliseconds shard::longest_wait() const noexcept {
    if (!resuming_.empty() || !dirty_.empty() || !writers_.empty() || !turn_end_.empty() || postponed_sweeps_ > 0)
        return std::chrono::milliseconds{0};
    return wants_sweep_ ? sweep_interval : std::chrono::milliseconds{-1};
}

void shard::sweep_if_due() {
    if (!wants_sweep_ || now_ms_ < next_sweep_ms_) return;
    // Nobody is judged by the clock before what he had sent until then is handled: there may be more than one batch
    // of it, and while this turn took long, or the process stood still in it, more has come.
    const auto since_look = std::chrono::milliseconds{now_ms_ - looked_ms_};
    if ((loop_.is_batch_full() || since_look >= sweep_interval) && postponed_sweeps_ < loop_.rounds()) {
        ++postponed_sweeps_;
        return;
    }
    postponed_sweeps_ = 0;
    wants_sweep_ = false;
    next_sweep_ms_ = now_ms_ + static_cast<std::uint64_t>(sweep_interval.count());
    for (std::size_t i = 0; i < swept_.size(); ++i)
        if (swept_[i]->sweep(now_ms_)) wants_sweep_ = true;
    if (parting_.sweep(now_ms_)) wants_sweep_ = true;
}

void shard::run_mail() {
    has_mail_ = false;
    mail_.acknowledge();
    std::vector<task> taken;
    taken.swap(taken_mail_);
    if (mail_.take(taken))
        for (task& work : taken) work(*this);
    taken.clear();
    taken_mail_.swap(taken);
}

void shard::end_turn() {
    // Reading on may queue output, and flushing may close streams whose end queues more elsewhere:
    // both go on in the next turn, so that nobody is starved.
    if (!resuming_.empty()) {
        flushing_.swap(resuming_);
        for (framed_stream* stream : flushing_) stream->read_kept();
        flushing_.clear();
    }
    writing_.swap(writers_);
    for (turn_writer* who : writing_) who->write_turn();
    writing_.clear();
    flushing_.swap(dirty_);
    for (framed_stream* stream : flushing_) stream->flush();
    flushing_.clear();
    post_outgoing();
    ending_.swap(turn_end_);
    for (const auto& call : ending_) call();
    ending_.clear();
    post_outgoing();
    if (dirty_.empty() && resuming_.empty()) buried_.clear();
}

void shard::post_outgoing() {
    for (std::size_t target = 0; target < outgoing_.size(); ++target) all_[target]->mail_.post(outgoing_[target]);
}

void shard::post_to(unsigned target, task work) { outgoing_[target].push_back(std::move(work)); }

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

void shard::give_back(std::unique_ptr<outbox> unused) {
    if (spare_outboxes_.size() < most_spare_outboxes) spare_outboxes_.push_back(std::move(unused));
}

std::unique_ptr<kept_bytes> shard::take_kept() {
    if (spare_kept_.empty()) return std::make_unique<kept_bytes>();
    auto taken = std::move(spare_kept_.back());
    spare_kept_.pop_back();
    return taken;
}

void shard::give_back(std::unique_ptr<kept_bytes> unused) {
    if (spare_kept_.size() < most_spare_kept) spare_kept_.push_back(std::move(unused));
}

void shard::bury(std::unique_ptr<framed_stream> closed) { buried_.push_back(std::move(closed)); }

command_source* shard::find_source(std::uint64_t id) const noexcept {
    const auto found = sources_.find(id);
    return found == sources_.end() ? nullptr : found->second;
}

}  // namespace bester::exchange
