#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "socketio/attachments.hpp"
#include "socketio/packet.hpp"

namespace bester::socketio {

/// Keeps a binary packet of one connection until all its bodies have come, in order. While is_collecting()
/// the next message of the connection must be a body, of whatever namespace: a text is an error
/// (`interrupted`). Memory is taken as bytes come, `max_bytes` for data and bodies together at the most.
///
///   begin(head) ──▶ collecting ──add(body)──▶ … ──last body──▶ complete: head(), bodies() ──clear()──▶
///
/// Belongs to one thread; pure. After an error it is empty, and the connection has to end.
class attachment_collector {
public:
    explicit attachment_collector(std::size_t max_bytes) noexcept : max_bytes_{max_bytes} {}

    /// Begins with a packet whose is_binary() is true; it is copied.
    tl::expected<void, attachment_error> begin(const packet_view& head);
    /// Adds a body; returns whether the packet is complete.
    tl::expected<bool, attachment_error> add(std::string_view body);

    bool is_collecting() const noexcept { return is_begun_ && bodies_.size() < attachments_; }
    /// Returns the bytes of the packet that have come; 0 if there is none.
    std::size_t held_bytes() const noexcept { return used_; }
    /// Returns the first part of the packet; views into this object, valid until clear() or begin().
    packet_view head() const noexcept;
    const std::vector<std::string>& bodies() const noexcept { return bodies_; }
    /// Drops everything and frees the memory.
    void clear() noexcept;

private:
    tl::unexpected<attachment_error> fail(attachment_error error) noexcept;

    std::size_t max_bytes_;
    std::size_t used_ = 0;
    packet_type type_ = packet_type::binary_event;
    std::uint32_t attachments_ = 0;
    std::optional<std::uint64_t> id_;
    std::string name_space_;
    std::string data_;
    std::vector<std::string> bodies_;
    bool is_begun_ = false;
};

}  // namespace bester::socketio
