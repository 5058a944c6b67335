// Workloads of requests that are answered: batched, unbatched, latency.

#include <stdexcept>
#include <string>
#include <vector>

#include "load/connection_pool.hpp"
#include "load/measured_run.hpp"
#include "load/measurement.hpp"

namespace bester::bench {
namespace {

/// Every connection keeps its window full: each completed request is followed by the next.
class request_workload final : public workload {
public:
    request_workload(connection_pool& pool, std::size_t outstanding, measurement& result)
        : pool_(pool), outstanding_(outstanding), result_(result) {}

    void start() {
        slots_.resize(pool_.connections().size() * outstanding_);
        now_ = monotonic_ns();
        for (connection& each : pool_.connections()) {
            for (std::uint32_t slot = 0; slot < outstanding_; ++slot) send(each, slot);
            pool_.flush(each);
        }
    }
    void turn() {
        pool_.turn(100, *this);
        now_ = monotonic_ns();
    }
    void measure(bool on) noexcept { is_measuring_ = on; }

    /// Sends nothing new and waits for the rest: each must still be answered, once.
    void drain() {
        is_stopping_ = true;
        pool_.run_until([&] { return open_ == 0; }, drain_limit_ms, "answers to all requests", *this);
        // Whatever is answered twice is answered again right behind.
        pool_.turn(50, *this);
    }

    void on_part(connection& from, unsigned part, request_id id) override {
        slot_state& slot = at(from, id.slot);
        if (!slot.is_open || slot.sequence != id.sequence || (slot.parts & part) != 0) {
            throw std::runtime_error("answered twice or never asked: slot " + std::to_string(id.slot) + " sequence " +
                                     std::to_string(id.sequence) + " of connection " + std::to_string(from.index));
        }
        if (part == status_part && slot.parts == 0) throw std::runtime_error("a status before the reply to it");
        slot.parts |= part;
        if (slot.parts != pool_.speaks().parts()) return;
        slot.is_open = false;
        --open_;
        if (is_measuring_) {
            ++result_.messages;
            if (takes_each_time()) now_ = monotonic_ns();
            result_.latency.record(static_cast<std::uint64_t>(now_ - slot.sent_at));
        }
        if (!is_stopping_) send(from, id.slot);
    }

private:
    struct slot_state {
        std::int64_t sent_at = 0;
        std::uint32_t sequence = 0;
        unsigned parts = 0;
        bool is_open = false;
    };

    // With many in flight one reading of the clock per turn is exact enough and cheaper.
    bool takes_each_time() const noexcept { return slots_.size() == 1; }

    slot_state& at(const connection& of, std::uint32_t slot) {
        if (slot >= outstanding_) throw std::runtime_error("an answer to a slot that does not exist");
        return slots_[of.index * outstanding_ + slot];
    }

    void send(connection& to, std::uint32_t index) {
        slot_state& slot = at(to, index);
        if (takes_each_time()) now_ = monotonic_ns();
        slot = {now_, slot.sequence + 1, 0, true};
        ++open_;
        pool_.speaks().request({index, slot.sequence}, to.out);
    }

    connection_pool& pool_;
    std::size_t outstanding_;
    measurement& result_;
    std::vector<slot_state> slots_;
    std::int64_t now_ = 0;
    std::uint64_t open_ = 0;
    bool is_measuring_ = false;
    bool is_stopping_ = false;
};

}  // namespace

std::string run_requests(const load_options& options) {
    const auto speaks = make_protocol(options.target);
    connection_pool pool{*speaks, options.port};
    measurement result{options};
    request_workload work{pool, options.outstanding, result};
    pool.connect(options.connections, role::requester, work);
    run_measured(work, options, result);
    return result.to_json(options, options.connections, options.outstanding, {});
}

}  // namespace bester::bench
