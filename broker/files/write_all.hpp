#pragma once

#include <string_view>

namespace bester::files {

/// Writes all of `content` to a descriptor that blocks, in as many steps as it takes; returns false if that failed,
/// with the reason in errno. Any thread.
bool write_all(int fd, std::string_view content) noexcept;

}  // namespace bester::files
