// Workloads of pairs: what a sender sends, the target's handler has delivered to the receiver, on the
// same server or on another one.

#include <stdexcept>
#include <string>
#include <vector>

#include "load/connection_pool.hpp"
#include "load/measured_run.hpp"
#include "load/measurement.hpp"

namespace bester::bench {
namespace {

constexpr std::int64_t first_limit_ms = 15'000;
constexpr int first_pause_ms = 50;

/// Every pair keeps its window full. A message is complete when its receiver has it and, where the
/// target confirms, its sender has been told; latency is from sending to receiving. The slot that is
/// part of the data says which pair it belongs to, and the sequence counts within the pair.
class pairs_workload final : public workload {
public:
    pairs_workload(connection_pool& pool, std::size_t outstanding, measurement& result)
        : pool_(pool), outstanding_(outstanding), result_(result) {}

    /// The receivers are connected first, then the senders.
    void start() {
        pairs_.resize(pool_.connections().size() / 2);
        slots_.resize(pairs_.size() * outstanding_);
        meet();
        now_ = monotonic_ns();
        for (std::uint32_t pair = 0; pair < pairs_.size(); ++pair) {
            for (std::uint32_t slot = 0; slot < outstanding_; ++slot) send(pair, pair * window() + slot);
            pool_.flush(sender(pair));
        }
    }
    void turn() {
        pool_.turn(100, *this);
        flush_others();
        now_ = monotonic_ns();
    }
    void measure(bool on) noexcept { is_measuring_ = on; }
    void drain() {
        is_stopping_ = true;
        pool_.run_until([&] { return open_ == 0; }, drain_limit_ms, "delivery and confirmation of all messages", *this);
        // Whatever comes twice comes right behind.
        pool_.turn(50, *this);
    }

    void on_delivery(connection& at, request_id id) override {
        if (id.slot / outstanding_ != at.number) throw std::runtime_error("delivered to the receiver of another pair");
        pair_state& pair = pairs_.at(at.number);
        if (id.sequence == 0 && id.slot == at.number * outstanding_) {
            pair.has_met = true;
            return;
        }
        if (id.sequence != pair.expected) {
            throw std::runtime_error("receiver " + std::to_string(at.number) + " got message " +
                                     std::to_string(id.sequence) + " instead of " + std::to_string(pair.expected));
        }
        ++pair.expected;
        slot_state& slot = open_slot(id);
        if (is_measuring_) {
            if (slots_.size() == 1) now_ = monotonic_ns();
            result_.latency.record(static_cast<std::uint64_t>(now_ - slot.sent_at));
        }
        complete(slot, id, reply_part);
    }

    void on_part(connection& from, unsigned part, request_id id) override {
        if (part != status_part || !pool_.speaks().confirms_pass())
            throw std::runtime_error("an answer that nobody asked for");
        if (id.slot / outstanding_ != from.number) throw std::runtime_error("a status to the sender of another pair");
        if (id.sequence == 0) return;
        complete(open_slot(id), id, status_part);
    }

private:
    struct pair_state {
        std::uint32_t last = 0;      ///< sequence sent
        std::uint32_t expected = 1;  ///< at the receiver
        bool has_met = false;
        bool has_output = false;
    };
    struct slot_state {
        std::int64_t sent_at = 0;
        std::uint32_t sequence = 0;
        unsigned parts = 0;
        bool is_open = false;
    };

    std::uint32_t window() const noexcept { return static_cast<std::uint32_t>(outstanding_); }
    connection& sender(std::uint32_t pair) { return pool_.connections()[pairs_.size() + pair]; }
    unsigned all_parts() const noexcept {
        return pool_.speaks().confirms_pass() ? reply_part | status_part : reply_part;
    }

    /// Servers need a moment until they know one another's clients: message 0 of each pair is sent until
    /// it has come through, and counts for nothing.
    void meet() {
        const std::int64_t deadline = monotonic_ns() + first_limit_ms * 1'000'000;
        for (std::size_t missing = pairs_.size(); missing > 0;) {
            if (monotonic_ns() > deadline) throw std::runtime_error(std::to_string(missing) + " pairs never met");
            for (std::uint32_t pair = 0; pair < pairs_.size(); ++pair) {
                if (pairs_[pair].has_met) continue;
                pool_.speaks().pass(pair, {pair * window(), 0}, sender(pair).out);
                pool_.flush(sender(pair));
            }
            for (const std::int64_t until = monotonic_ns() + first_pause_ms * 1'000'000; monotonic_ns() < until;) {
                pool_.turn(first_pause_ms, *this);
            }
            missing = 0;
            for (const pair_state& each : pairs_) missing += each.has_met ? 0 : 1;
        }
    }

    slot_state& open_slot(request_id id) {
        slot_state& slot = slots_.at(id.slot);
        if (!slot.is_open || slot.sequence != id.sequence) {
            throw std::runtime_error("delivered or confirmed twice, or never sent: slot " + std::to_string(id.slot) +
                                     " sequence " + std::to_string(id.sequence));
        }
        return slot;
    }

    void complete(slot_state& slot, request_id id, unsigned part) {
        if ((slot.parts & part) != 0) throw std::runtime_error("delivered or confirmed twice");
        slot.parts |= part;
        if (slot.parts != all_parts()) return;
        slot.is_open = false;
        --open_;
        if (is_measuring_) ++result_.messages;
        if (!is_stopping_) send(static_cast<std::uint32_t>(id.slot / outstanding_), id.slot);
    }

    void send(std::uint32_t pair, std::uint32_t index) {
        pair_state& from = pairs_[pair];
        if (slots_.size() == 1) now_ = monotonic_ns();
        slots_[index] = {now_, ++from.last, 0, true};
        ++open_;
        pool_.speaks().pass(pair, {index, from.last}, sender(pair).out);
        if (from.has_output) return;
        from.has_output = true;
        to_flush_.push_back(pair);
    }

    /// The pool writes on the connections that were read, but a delivery makes another one send.
    void flush_others() {
        for (const std::uint32_t pair : to_flush_) {
            pairs_[pair].has_output = false;
            connection& from = sender(pair);
            if (!from.out.empty() && !from.waits_for_room) pool_.flush(from);
        }
        to_flush_.clear();
    }

    connection_pool& pool_;
    std::size_t outstanding_;
    measurement& result_;
    std::vector<pair_state> pairs_;
    std::vector<slot_state> slots_;
    std::vector<std::uint32_t> to_flush_;
    std::int64_t now_ = 0;
    std::uint64_t open_ = 0;
    bool is_measuring_ = false;
    bool is_stopping_ = false;
};

}  // namespace

std::string run_pairs(const load_options& options) {
    const auto speaks = make_protocol(options.target);
    connection_pool pool{*speaks, options.port};
    measurement result{options};
    pairs_workload work{pool, options.outstanding, result};
    pool.connect_to(options.receiver_port != 0 ? options.receiver_port : options.port, options.connections,
                    role::receiver, work);
    pool.connect(options.connections, role::sender, work);
    run_measured(work, options, result);
    return result.to_json(options, options.connections, options.outstanding, {});
}

}  // namespace bester::bench
