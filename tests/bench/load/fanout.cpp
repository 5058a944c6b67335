// The fan-out workload: one publisher, many subscribers, each of whom must get every message
// once and in order.

#include <stdexcept>
#include <string>
#include <vector>

#include "load/connection_pool.hpp"
#include "load/measured_run.hpp"
#include "load/measurement.hpp"

namespace bester::bench {
namespace {

/// Keeps `outstanding` publications open; one is complete when the last subscriber has it and,
/// where the target confirms, the publisher was told the right number.
class fanout_workload final : public workload {
public:
    fanout_workload(connection_pool& pool, std::size_t subscribers, std::size_t outstanding, measurement& result)
        : pool_(pool), subscribers_(subscribers), result_(result), open_(outstanding), next_(subscribers + 1, 1) {}

    void start() {
        for (std::size_t i = 0; i < open_.size(); ++i) publish();
        pool_.flush(publisher());
    }
    void turn() {
        pool_.turn(100, *this);
        while (!is_stopping_ && is_complete(oldest_)) {
            ++oldest_;
            publish();
        }
        if (!publisher().out.empty()) pool_.flush(publisher());
    }
    void measure(bool on) noexcept { is_measuring_ = on; }
    void drain() {
        is_stopping_ = true;
        pool_.run_until(
            [&] {
                for (std::uint32_t sequence = oldest_; sequence <= last_; ++sequence) {
                    if (!is_complete(sequence)) return false;
                }
                return true;
            },
            drain_limit_ms, "delivery to all subscribers", *this);
        pool_.turn(50, *this);
    }

    void on_delivery(connection& at, request_id id) override {
        std::uint32_t& expected = next_[at.index];
        if (id.sequence != expected || id.sequence > last_) {
            throw std::runtime_error("subscriber " + std::to_string(at.index) + " got message " +
                                     std::to_string(id.sequence) + " instead of " + std::to_string(expected));
        }
        ++expected;
        if (is_measuring_) ++result_.messages;
        publication& which = at_sequence(id.sequence);
        if (++which.deliveries == subscribers_ && is_measuring_) {
            result_.latency.record(static_cast<std::uint64_t>(monotonic_ns() - which.sent_at));
        }
    }

    void on_published(connection&, request_id id, std::int64_t delivered) override {
        ++confirmed_;
        if (id.sequence != 0 && id.sequence != confirmed_) throw std::runtime_error("confirmed out of order or twice");
        if (confirmed_ > last_ || delivered != static_cast<std::int64_t>(subscribers_)) {
            throw std::runtime_error("publication " + std::to_string(confirmed_) + " reached " +
                                     std::to_string(delivered) + " of " + std::to_string(subscribers_));
        }
    }

private:
    struct publication {
        std::int64_t sent_at = 0;
        std::size_t deliveries = 0;
    };

    connection& publisher() { return pool_.connections().front(); }
    publication& at_sequence(std::uint32_t sequence) { return open_[sequence % open_.size()]; }
    bool is_complete(std::uint32_t sequence) {
        return at_sequence(sequence).deliveries == subscribers_ &&
               (!pool_.speaks().confirms_publish() || confirmed_ >= sequence);
    }
    void publish() {
        ++last_;
        at_sequence(last_) = {monotonic_ns(), 0};
        pool_.speaks().publish({0, last_}, publisher().out);
    }

    connection_pool& pool_;
    std::size_t subscribers_;
    measurement& result_;
    std::vector<publication> open_;    ///< a ring, by sequence
    std::vector<std::uint32_t> next_;  ///< by connection: the sequence that it must get next
    std::uint32_t oldest_ = 1;
    std::uint32_t last_ = 0;
    std::uint32_t confirmed_ = 0;
    bool is_measuring_ = false;
    bool is_stopping_ = false;
};

}  // namespace

std::string run_fanout(const load_options& options) {
    const auto speaks = make_protocol(options.target);
    connection_pool pool{*speaks, options.port};
    measurement result{options};
    fanout_workload work{pool, options.connections, options.outstanding, result};
    pool.connect(1, role::publisher, work);
    constexpr std::size_t at_once =
        32;  // pushpin queues 100 new ones for the application behind it, and refuses the next
    pool.connect(options.connections, role::subscriber, work, at_once);
    run_measured(work, options, result);
    return result.to_json(options, options.connections, options.outstanding, {});
}

}  // namespace bester::bench
