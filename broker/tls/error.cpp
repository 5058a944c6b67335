#include "tls/error.hpp"

#include <openssl/err.h>

namespace bester::tls {

std::string_view to_string(error_code code) noexcept {
    switch (code) {
        case error_code::file_missing: return "file_missing";
        case error_code::file_unreadable: return "file_unreadable";
        case error_code::file_exists: return "file_exists";
        case error_code::file_not_written: return "file_not_written";
        case error_code::not_a_certificate: return "not_a_certificate";
        case error_code::not_a_key: return "not_a_key";
        case error_code::key_exposed: return "key_exposed";
        case error_code::key_mismatch: return "key_mismatch";
        case error_code::certificate_expired: return "certificate_expired";
        case error_code::certificate_not_yet_valid: return "certificate_not_yet_valid";
        case error_code::certificate_unfit: return "certificate_unfit";
        case error_code::not_an_authority: return "not_an_authority";
        case error_code::wrong_authority: return "wrong_authority";
        case error_code::bad_name: return "bad_name";
        case error_code::bad_setting: return "bad_setting";
        case error_code::crypto_failed: return "crypto_failed";
    }
    return "";
}

std::string take_crypto_reason() {
    const auto code = ERR_get_error();
    ERR_clear_error();
    if (code == 0) return "no reason given";
    if (const char* reason = ERR_reason_error_string(code)) return reason;
    char text[256];
    ERR_error_string_n(code, text, sizeof(text));
    return text;
}

tl::unexpected<error> crypto_failure(std::string_view doing) {
    return tl::unexpected(error{error_code::crypto_failed, std::string(doing) + ": " + take_crypto_reason()});
}

}  // namespace bester::tls
