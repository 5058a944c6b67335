#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace bester::tls {

/// Why a certificate, a key or a context could not be made or used. The names are stable.
enum class error_code {
    file_missing,
    file_unreadable,
    file_exists,  ///< the file exists and must not be overwritten
    file_not_written,
    not_a_certificate,
    not_a_key,
    key_exposed,   ///< others than owner and group may read the key, or the group may write it
    key_mismatch,  ///< the key does not belong to the certificate
    certificate_expired,
    certificate_not_yet_valid,
    certificate_unfit,  ///< too weak, or lacks an extended key usage
    not_an_authority,
    wrong_authority,  ///< the certificate was issued by another authority
    bad_name,         ///< not 1 to 64 of letters, digits, '-', '_', '.'
    bad_setting,
    crypto_failed,  ///< what OpenSSL says
};

/// Returns the code's text in logs and answers, e.g. "key_mismatch".
std::string_view to_string(error_code code) noexcept;

/// A code for programs and a reason for people: which file, what is wrong, what to do.
struct error {
    error_code code{};
    std::string reason;
};

template <class Value>
using result = tl::expected<Value, error>;

/// Returns the oldest entry of this thread's OpenSSL error queue in words, and empties the queue.
std::string take_crypto_reason();

/// crypto_failed, with `doing` and an error of OpenSSL of it.
tl::unexpected<error> crypto_failure(std::string_view doing);

}  // namespace bester::tls
