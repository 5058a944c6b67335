#pragma once

#include <string>
#include <string_view>

namespace bester::handlers {

/// Returns 32 bytes from the kernel's random generator, as 64 hexadecimal digits. Throws std::system_error.
std::string make_secret();

/// Compares two secrets in a time that does not depend on where they differ; an empty secret equals nothing.
bool is_same_secret(std::string_view secret, std::string_view offered) noexcept;

}  // namespace bester::handlers
