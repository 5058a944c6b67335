#pragma once

#include <string>

namespace bester::detail {

/// One line to stderr, which the broker puts into its log with the handler's name. Any thread.
void log_line(const std::string& text) noexcept;

}  // namespace bester::detail
