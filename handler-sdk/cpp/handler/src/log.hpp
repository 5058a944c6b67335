#pragma once

#include <string>

namespace bester::detail {

/// The priorities of sd-daemon(3) that the SDK uses.
enum class severity { error = 3, warning = 4, information = 6 };

/// Writes one line to stderr, which the broker puts into its log with the handler's name and at this level. Any thread.
void log_line(severity level, const std::string& text) noexcept;

}  // namespace bester::detail
