#pragma once

#include <string>

namespace bester::files {

/// Returns whether opening the file for writing returns at once, as far as its kind decides that: false for a pipe that
/// nobody reads, which would wait for a reader, and for a socket. True also if there is no such file. Any thread.
bool takes_output(const std::string& path) noexcept;

}  // namespace bester::files
