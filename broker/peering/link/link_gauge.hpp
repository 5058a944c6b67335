#pragma once

#include <atomic>
#include <cstdint>

namespace bester::peering {

/// The measurements of a link that other threads read. Written by its shard.
struct link_gauge {
    std::atomic<std::uint64_t> last_heard_ms{0};  ///< steady clock
    std::atomic<std::uint64_t> round_trip_us{0};  ///< the last measurement; 0: none yet
    std::atomic<std::uint64_t> bytes_in{0};
    std::atomic<std::uint64_t> bytes_out{0};
    std::atomic<std::uint64_t> queued_bytes{0};
    std::atomic<std::uint64_t> adverts_waiting{0};  ///< for the control thread, which counts them down
    std::atomic<std::uint64_t> advert_bytes_waiting{0};
};

}  // namespace bester::peering
