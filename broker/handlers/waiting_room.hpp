#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "exchange/envelope.hpp"

namespace bester::handlers {

class waiting_line;

/// A message that waits on a shard for an instance, for room in an instance's window, or for an earlier message of the
/// same order.
struct waiting_message {
    exchange::envelope message;
    std::string data;
    std::uint64_t deadline_ms = 0;  ///< on the shard's clock; then the message fails
    std::uint64_t give_up_ms = 0;   ///< on the shard's clock; then its sender is told `busy`
    std::uint64_t serial = 0;       ///< place among all messages that were submitted to this handler on this shard
    std::uint64_t order = 0;        ///< messages of the same order are handed over by serial, to one instance at a time
    std::uint64_t origin = 0;       ///< whose share of the room it uses: a session, a handler or a server

    // For waiting_room.
    waiting_line* line = nullptr;
    std::list<waiting_message>::iterator place{};
    bool is_first = false;             ///< whether nothing else of its origin and order waited when it came
    waiting_message* older = nullptr;  ///< of the same origin
    waiting_message* newer = nullptr;
};

/// Messages that wait for the same, in two lanes that take turns: one for those of which nothing else of their origin
/// and their order waited when they came, and one for all others, each in the order of arrival. So a sender of few
/// messages does not wait until all messages of others are done. A later message of an order comes after the earlier
/// ones.
class waiting_line {
public:
    waiting_line() = default;
    waiting_line(const waiting_line&) = delete;
    waiting_line& operator=(const waiting_line&) = delete;

    bool empty() const noexcept { return first_.empty() && rest_.empty(); }
    /// Calls `each(waiting_message&)` for every message.
    template <class Each>
    void for_each(Each&& each) {
        for (waiting_message& message : first_) each(message);
        for (waiting_message& message : rest_) each(message);
    }

private:
    friend class waiting_room;
    std::list<waiting_message>& lane(bool is_first) noexcept { return is_first ? first_ : rest_; }

    std::list<waiting_message> first_;  ///< at most one of each order
    std::list<waiting_message> rest_;
    bool is_rest_next_ = false;
};

/// The messages of one shard that wait for one handler: in several lines, bounded together. When the room is full, the
/// origin that holds the most gives way (the most messages or the most bytes, whichever bound is met): a new message of
/// that origin is refused, a new message of another origin takes the place of that origin's newest. If more must give
/// way, each is the newest of the origin that holds the most then, so that no number of origins keeps another one out.
/// Nothing gives way for a message that is refused. A pure container, used on its shard's thread.
class waiting_room {
public:
    using line = waiting_line;
    using message_list = std::list<waiting_message>;

    /// Bounds of the room, together for all its lines.
    struct bounds {
        std::size_t messages = 0;
        std::size_t bytes = 0;  ///< of data; a room that is empty takes one message of any size
    };

    waiting_room() = default;
    waiting_room(const waiting_room&) = delete;
    waiting_room& operator=(const waiting_room&) = delete;

    /// Makes room for a message of `origin` with `bytes` of data. Messages that give way are moved to `evicted`,
    /// without their data. Returns false, and nothing has given way, if there is no room, or only if those gave way
    /// that hold no more than the origin would hold then.
    bool make_room(std::uint64_t origin, std::size_t bytes, const bounds& most, message_list& evicted);
    /// Puts a message at the end of a line, whatever the bounds. Without the memory for it the message is left as it
    /// is.
    void add(line& to, waiting_message&& message);
    /// The next message of a line that is not empty.
    const waiting_message& first(line& from) const noexcept { return next_lane(from).front(); }
    /// Takes the next message out of a line that is not empty.
    waiting_message take_first(line& from);
    /// Moves all messages of a line to the end of another one.
    void move_all(line& from, line& to) noexcept;
    /// Takes all messages out of a line, to be put into others: they are still in the room.
    void gather(line& from, message_list& into) noexcept;
    /// Puts the first of those that were gathered at the end of a line.
    static void put_first(message_list& gathered, line& to) noexcept;
    static void sort_by_serial(message_list& which);
    /// Moves the messages of a line whose time is over to `expired`, out of the room.
    void expire(line& from, std::uint64_t now_ms, message_list& expired);
    /// Moves all messages of a line out of the room.
    void expel(line& from, message_list& out) noexcept;

    std::size_t messages() const noexcept { return messages_; }
    std::size_t bytes() const noexcept { return bytes_; }

private:
    /// What is bounded, and so what an origin can hold the most of.
    enum measure : std::size_t { by_messages, by_bytes, measures };

    /// What the call of make_room() with this number would leave to an origin.
    struct plan {
        std::uint64_t number = 0;
        std::array<std::size_t, measures> left{};
        const waiting_message* next = nullptr;  ///< that would give way next; null: nothing is left
    };
    /// What one origin takes of the room.
    struct share {
        std::uint64_t origin = 0;
        std::array<std::size_t, measures> held{};
        std::array<std::size_t, measures> place{};  ///< in heaps_
        waiting_message* newest = nullptr;
        plan planned;
    };
    using heap = std::vector<share*>;
    /// What waits of one order.
    struct order_state {
        std::size_t messages = 0;
        bool has_first = false;  ///< one of them is in the first lane of its line
    };

    void consider(measure by, std::size_t place);
    std::size_t plan_to_take(measure by);
    message_list& next_lane(line& from) const noexcept;
    void leave(waiting_message& message) noexcept;
    void move_out(message_list::iterator which, message_list& to) noexcept;
    void remove(share& gone, measure by) noexcept;
    void sift_up(measure by, std::size_t place) noexcept;
    void sift_down(measure by, std::size_t place) noexcept;
    void put(measure by, std::size_t place, share* which) noexcept;

    std::size_t messages_ = 0;
    std::size_t bytes_ = 0;
    std::unordered_map<std::uint64_t, share> shares_;  ///< by origin
    std::unordered_map<std::uint64_t, order_state> orders_;
    std::array<heap, measures> heaps_;  ///< the largest share first
    // During make_room().
    std::uint64_t plans_ = 0;
    heap richest_;  ///< shares of which one is left the most
    heap giving_;   ///< whose newest messages give way, in order
};

}  // namespace bester::handlers
