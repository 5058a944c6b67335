#include "log.hpp"

#include <cstdio>

namespace bester::detail {

void log_line(const std::string& text) noexcept { std::fprintf(stderr, "bester handler: %s\n", text.c_str()); }

}  // namespace bester::detail
