#pragma once

#include <optional>
#include <string>

#include "storage/secret.hpp"

namespace bester::cli {

/// Gets a password that is to be set: the first line of `file` if one is named; asked for twice,
/// without echo, if standard input is a terminal; else the first line of standard input.
/// Nothing if there is none, after saying why on standard error.
std::optional<storage::secret> read_new_password(const std::string& user, const std::string& file);

}  // namespace bester::cli
