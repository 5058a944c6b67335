#pragma once

#include <memory>
#include <string>
#include <vector>

#include "clients/login/login_service.hpp"
#include "config/broker_config.hpp"
#include "storage/accounts.hpp"
#include "storage/authenticator.hpp"

namespace bester::cli {

/// Returns the settings of storage for the accounts. Only the default folder is made if it is missing.
storage::account_settings storage_settings(const config::accounts_settings& settings);

/// The clients' access to the accounts. Opens no database if no listener asks for passwords. Its callbacks are posted
/// to shards: destroy it before them.
class account_logins final : public clients::login_service {
public:
    /// Throws std::runtime_error if the accounts are needed and cannot be opened.
    explicit account_logins(const config::broker_config& settings);
    ~account_logins() override;

    bool is_remembered(std::string_view user, std::string_view password) override;
    void verify(std::string_view user, std::string_view password, std::uint64_t from,
                std::function<void(clients::login_result)> done) override;
    std::chrono::milliseconds expected_wait() const override;
    void change_password(std::string_view user, std::string_view old_password, std::string_view new_password,
                         std::uint64_t from, std::function<void(clients::login_result)> done) override;

    // These functions are for the control thread.
    void apply(const config::accounts_settings& settings);
    void account_changed(const std::string& user);
    /// Returns the changes by other processes since the last call; to be called each second, and keeps what is
    /// remembered for the next broker every ten.
    storage::account_changes poll();
    /// Returns all names, sorted; none if they cannot be read.
    std::vector<std::string> all_users();
    bool has_accounts() const noexcept { return authenticator_ != nullptr; }
    /// Ends the verifications; later ones are `busy`.
    void stop();

private:
    void save_remembered() noexcept;

    storage::authenticator_settings settings_;
    std::chrono::steady_clock::time_point next_save_{};
    std::unique_ptr<storage::accounts> accounts_;
    std::unique_ptr<storage::authenticator> authenticator_;
};

}  // namespace bester::cli
