#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace bester::storage {

/// Errors of operations on accounts. The names are stable.
enum class account_error_code {
    user_exists,
    user_unknown,
    bad_user_name,         ///< not 1 to 64 of letters, digits, '-', '_', '.', '+'
    bad_password,          ///< empty, or longer than 1,024 bytes
    wrong_password,        ///< change_password: the old password is wrong
    database_unavailable,  ///< missing, locked, not writable, damaged, of a newer version, …
    hashing_failed,        ///< not enough memory for the configured cost, or a stored hash is damaged
};

/// Returns the code's text in logs and answers, e.g. "user_exists".
std::string_view to_string(account_error_code code) noexcept;

/// A code for programs and a reason for people (which file, which limit, what to do).
struct account_error {
    account_error_code code{};
    std::string reason;
};

template <class Value>
using account_result = tl::expected<Value, account_error>;

}  // namespace bester::storage
