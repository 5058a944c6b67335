#include "log.hpp"

#include <unistd.h>

#include <cstdio>

namespace bester::detail {

void log_line(severity level, const std::string& text) noexcept {
    // People need no number.
    static const bool has_reader = ::isatty(STDERR_FILENO) == 0;
    if (has_reader) std::fprintf(stderr, "<%d>bester handler: %s\n", static_cast<int>(level), text.c_str());
    else std::fprintf(stderr, "bester handler: %s\n", text.c_str());
}

}  // namespace bester::detail
