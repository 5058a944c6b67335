#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string_view>

namespace bester::clients {

enum class login_result : std::uint8_t {
    accepted,
    rejected,      ///< no such user or a wrong password
    bad_password,  ///< only of change_password: the new one is empty or too long
    busy,
    unavailable,  ///< the accounts cannot be read
};

/// The accounts as sessions see them. Called on the shards' threads, must not block; callbacks come on any thread.
class login_service {
public:
    virtual ~login_service() = default;
    /// Returns whether this credential was verified a short time ago.
    virtual bool is_remembered(std::string_view user, std::string_view password) = 0;
    /// `from` is a number for the client's address: processor time is shared evenly between addresses.
    virtual void verify(std::string_view user, std::string_view password, std::uint64_t from,
                        std::function<void(login_result)> done) = 0;
    /// Returns how long somebody who comes now would wait for a verification, as far as that can be known.
    virtual std::chrono::milliseconds expected_wait() const = 0;
    virtual void change_password(std::string_view user, std::string_view old_password, std::string_view new_password,
                                 std::uint64_t from, std::function<void(login_result)> done) = 0;
};

}  // namespace bester::clients
