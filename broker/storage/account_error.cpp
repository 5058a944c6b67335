#include "storage/account_error.hpp"

namespace bester::storage {

std::string_view to_string(account_error_code code) noexcept {
    switch (code) {
        case account_error_code::user_exists: return "user_exists";
        case account_error_code::user_unknown: return "user_unknown";
        case account_error_code::bad_user_name: return "bad_user_name";
        case account_error_code::bad_password: return "bad_password";
        case account_error_code::wrong_password: return "wrong_password";
        case account_error_code::database_unavailable: return "database_unavailable";
        case account_error_code::hashing_failed: return "hashing_failed";
    }
    return "unknown";
}

}  // namespace bester::storage
