#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "exchange/event_loop.hpp"

namespace bester::exchange {

class shard;

/// Sockets of ended connections, to which everything has been written. Each is shut down for writing, and closed when
/// the other side has closed too, or after a second; what the other side sends meanwhile is dropped. A socket that is
/// closed at once while input is unread sends a reset, after which the other side may lose the last frame, which gives
/// the reason.
///
/// On its shard's thread. Bounded: all shards together keep at most a fortieth of the descriptors that the process may
/// have, and a shard at most 256; for one more, an older socket is closed at once. They do not count as connections:
/// they use a part of the tenth that server.connections leaves free.
class parting_sockets {
public:
    static constexpr std::uint64_t longest_ms = 1'000;

    explicit parting_sockets(shard& on) noexcept;
    ~parting_sockets();
    parting_sockets(const parting_sockets&) = delete;
    parting_sockets& operator=(const parting_sockets&) = delete;

    /// Takes over `fd`, which no loop watches.
    void add(int fd) noexcept;
    /// Closes the sockets whose second is over; returns whether any is left.
    bool sweep(std::uint64_t now_ms);

private:
    /// Never freed, because the loop may still have an event for it; it is used again instead.
    struct place final : public pollable {
        explicit place(parting_sockets& in) noexcept : owner{in} {}
        void on_ready(std::uint32_t events) override;
        void fail() noexcept override;

        parting_sockets& owner;
        int fd = -1;
        std::uint64_t deadline_ms = 0;
    };

    place& free_place();
    void close(place& which) noexcept;

    shard& shard_;
    std::deque<place> places_;  ///< a deque, because the loop has their addresses
    std::vector<place*> free_;  ///< has room for all places
    std::size_t most_;
    std::size_t next_victim_ = 0;
};

}  // namespace bester::exchange
