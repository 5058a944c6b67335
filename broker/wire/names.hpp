#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bester::wire {

inline constexpr std::size_t max_name_size = 64;
inline constexpr std::size_t max_type_size = 64;
inline constexpr std::size_t max_id_size = 128;
inline constexpr std::size_t max_key_size = 128;

/// Is this a name of a server, handler or group: 1 to 64 of letters, digits, '-', '_', '.'?
bool is_name(std::string_view text) noexcept;

/// Is this a name of a user: a name as above, in which '+' may stand too?
bool is_user_name(std::string_view text) noexcept;

/// Is this a message type: 1 to 64 bytes without control characters?
bool is_type(std::string_view text) noexcept;

/// What stands for a routing key where messages are spread; 0 for the empty key, which is none. The same on all threads
/// of a process.
std::uint64_t key_hash(std::string_view key) noexcept;

/// Is this an error code as a handler may give it: 1 to 64 of a-z, 0-9, '_'?
bool is_error_code(std::string_view text) noexcept;

}  // namespace bester::wire
