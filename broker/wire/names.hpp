#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bester::wire {

inline constexpr std::size_t max_name_size = 64;
inline constexpr std::size_t max_type_size = 64;
inline constexpr std::size_t max_id_size = 128;
inline constexpr std::size_t max_key_size = 128;

/// Returns whether this is a name of a server, handler or group: 1 to 64 letters, digits, '-', '_', '.'.
bool is_name(std::string_view text) noexcept;

/// Returns whether this is a name of a user: a name as above that may also contain '+'.
bool is_user_name(std::string_view text) noexcept;

/// Returns whether this is a message type: 1 to 64 bytes without control characters.
bool is_type(std::string_view text) noexcept;

/// Returns the hash of a routing key, by which messages are distributed; 0 for the empty key, which means none. The
/// same on all threads of a process.
std::uint64_t key_hash(std::string_view key) noexcept;

/// Returns whether a handler may use this error code: 1 to 64 of a-z, 0-9, '_'.
bool is_error_code(std::string_view text) noexcept;

}  // namespace bester::wire
