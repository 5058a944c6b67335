#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "exchange/envelope.hpp"

namespace bester::handlers {

/// The times and places that a handler's queue gives to a message that it hands over.
struct queue_place {
    std::uint64_t deadline_ms = 0;  ///< on the shard's clock
    std::uint64_t serial = 0;       ///< see waiting_message
    std::uint64_t order = 0;
};

/// An instance as the queue of its handler sees it, implemented by its channel. On one shard's thread.
class outlet {
public:
    /// Returns the instance's number within its handler, by which messages are distributed.
    virtual unsigned number() const noexcept = 0;
    /// Returns whether another message may be handed over now.
    virtual bool has_room() const noexcept = 0;
    /// Hands a message over; everything is copied that must outlive the call. Must not call the queue. An exception
    /// that leaves it means that the message was not handed over.
    virtual void send(const exchange::envelope_view& message, std::string_view data, const queue_place& place) = 0;
    /// Appends the order of each message that was handed over and has not ended.
    virtual void list_held(std::vector<std::uint64_t>& orders) const = 0;

protected:
    ~outlet() = default;
};

}  // namespace bester::handlers
