#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <bester/command.hpp>

#include "output_buffer.hpp"
#include "send_order.hpp"

namespace bester::detail {

/// Appends the parts of the handler's frames to an output_buffer. A frame is begun, then gets its
/// commands, then what it comes after; so its size is known before it counts as sent. Pure.
void begin_answer(output_buffer& out, std::uint64_t id, std::string_view error);
void begin_push(output_buffer& out);
/// `first_report`: the number of the first command that wants a report; the next ones follow it.
void append_commands(output_buffer& out, command_list& list, std::uint64_t first_report);
/// Ends the frame.
void end_ordered(output_buffer& out, std::span<const order_entry> after);
/// What end_ordered adds at most.
std::size_t order_size(std::size_t channels) noexcept;
/// A whole frame.
void write_frame(output_buffer& out, std::string_view body);

}  // namespace bester::detail
