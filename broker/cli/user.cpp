#include "cli/user.hpp"

#include <ctime>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <tuple>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "admin/control_client.hpp"
#include "cli/account_logins.hpp"
#include "cli/exit_codes.hpp"
#include "cli/new_password.hpp"
#include "cli/options.hpp"
#include "cli/terminal.hpp"
#include "config/load.hpp"
#include "storage/accounts.hpp"
#include "wire/names.hpp"

namespace bester::cli {
namespace {

struct user_options {
    std::string config;
    std::string database;
    std::string password_file;
    std::string user;
    bool as_json = false;
};

int account_exit_code(storage::account_error_code code) {
    using storage::account_error_code;
    switch (code) {
        case account_error_code::user_exists:
        case account_error_code::user_unknown:
        case account_error_code::wrong_password: return exit_refused;
        case account_error_code::bad_user_name:
        case account_error_code::bad_password: return exit_usage;
        case account_error_code::database_unavailable:
        case account_error_code::hashing_failed: return exit_unreachable;
    }
    return exit_refused;
}

void print(const storage::account_error& error, int& exit_code) {
    std::cerr << "bester: " << storage::to_string(error.code) << ": " << printable(error.reason) << "\n";
    exit_code = account_exit_code(error.code);
}

/// Where the accounts are, and the control socket of their broker.
struct account_place {
    storage::account_settings settings;
    std::optional<std::string> control_socket;  ///< none: the config does not tell
};

/// Reads the config, once; nothing, once said, if it is wrong and should tell where the accounts are.
std::optional<account_place> find_database(const user_options& options, int& exit_code) {
    const auto machine = config::probe_surroundings();
    config::accounts_settings accounts;
    accounts.database = config::default_account_database(machine);
    std::optional<std::string> control_socket = machine.runtime_directory + "/control.sock";
    if (!options.config.empty()) {
        const auto loaded = config::load(options.config);
        control_socket = loaded.control_socket;
        if (loaded.accounts) {
            accounts = *loaded.accounts;
        } else if (options.database.empty()) {
            std::cerr
                << loaded.report()
                << "bester: the config has mistakes, so the account database is not known; give --database FILE\n";
            exit_code = exit_usage;
            return std::nullopt;
        }
    }
    if (!options.database.empty()) accounts.database = options.database;
    return account_place{storage_settings(accounts), std::move(control_socket)};
}

struct account_database {
    std::string path;
    std::optional<std::string> control_socket;
    storage::accounts accounts;
};

std::optional<account_database> open(const account_place& place, int& exit_code) {
    auto opened = storage::accounts::open(place.settings);
    if (!opened) {
        print(opened.error(), exit_code);
        return std::nullopt;
    }
    return account_database{place.settings.database, place.control_socket, *std::move(opened)};
}

/// Opens the database; only for a new account it is made when there is none.
std::optional<account_database> open(const user_options& options, int& exit_code, bool makes_file = false) {
    auto place = find_database(options, exit_code);
    if (!place) return std::nullopt;
    place->settings.makes_file = makes_file;
    return open(*place, exit_code);
}

/// Tells a running broker, which would notice within a second, so that the old password counts for nothing when this
/// command has ended. Without a broker nothing happens.
void tell_broker(const account_database& database, const std::string& user) {
    constexpr std::chrono::milliseconds patience{2'000};
    if (!database.control_socket) return;
    if (auto broker = admin::control_client::connect(*database.control_socket))
        std::ignore = broker->ask({{"request", "account_changed"}, {"user", user}}, patience);
}

void report(const storage::account_result<void>& result, const account_database& database, const std::string& user,
            const std::string& done, int& exit_code) {
    if (!result) return print(result.error(), exit_code);
    tell_broker(database, user);
    std::cout << "user " << user << " " << done << "\n";
}

void add(const user_options& options, int& exit_code) {
    using storage::account_error_code;
    if (!wire::is_user_name(options.user))
        return print(
            {account_error_code::bad_user_name, "a user name is 1 to 64 letters, digits, '-', '_', '.' or '+'"},
            exit_code);
    auto database = open(options, exit_code, true);
    if (!database) return;
    // Asked before a password is typed in vain; the database decides in the end.
    const auto exists = database->accounts.contains(options.user);
    if (!exists) return print(exists.error(), exit_code);
    if (*exists)
        return print({account_error_code::user_exists,
                      "there is a user \"" + options.user + "\" already; `bester user passwd` sets another password"},
                     exit_code);
    const auto password = read_new_password(options.user, options.password_file);
    if (!password) {
        exit_code = exit_usage;
        return;
    }
    report(database->accounts.add(options.user, password->view()), *database, options.user,
           "added to " + database->path, exit_code);
}

void set_password(const user_options& options, int& exit_code) {
    auto database = open(options, exit_code);
    if (!database) return;
    const auto exists = database->accounts.contains(options.user);
    if (!exists) return print(exists.error(), exit_code);
    if (!*exists)
        return print({storage::account_error_code::user_unknown,
                      "there is no user \"" + options.user + "\" in " + database->path},
                     exit_code);
    const auto password = read_new_password(options.user, options.password_file);
    if (!password) {
        exit_code = exit_usage;
        return;
    }
    report(database->accounts.set_password(options.user, password->view()), *database, options.user,
           "has a new password in " + database->path, exit_code);
}

void remove(const user_options& options, int& exit_code) {
    auto database = open(options, exit_code);
    if (!database) return;
    report(database->accounts.remove(options.user), *database, options.user, "removed from " + database->path,
           exit_code);
}

std::string format_time(std::chrono::system_clock::time_point time) {
    const auto seconds = std::chrono::system_clock::to_time_t(time);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    char text[sizeof("0000-00-00T00:00:00Z") + 8];
    return {text, std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

/// Returns whether the folder of the file is there, and the file is not.
bool is_yet_to_be_made(const std::string& file) {
    const auto folder = std::filesystem::path{file}.parent_path();
    std::error_code error;
    return !std::filesystem::exists(file, error) && std::filesystem::is_directory(folder.empty() ? "." : folder, error);
}

void list(const user_options& options, int& exit_code) {
    const auto place = find_database(options, exit_code);
    if (!place) return;
    const std::string& file = place->settings.database;
    if (is_yet_to_be_made(file)) {
        if (options.as_json) std::cout << "[]\n";
        else std::cout << "no users: there is no database " << file << " yet; `bester user add NAME` makes it\n";
        return;
    }
    auto database = open(*place, exit_code);
    if (!database) return;
    const auto all = database->accounts.list();
    if (!all) return print(all.error(), exit_code);
    if (options.as_json) {
        auto users = nlohmann::json::array();
        for (const auto& each : *all)
            users.push_back(
                {{"name", each.name}, {"created", format_time(each.created)}, {"changed", format_time(each.changed)}});
        std::cout << users.dump(2) << "\n";
        return;
    }
    if (all->empty()) {
        std::cout << "no users in " << database->path << "; `bester user add NAME` adds one\n";
        return;
    }
    std::vector<std::vector<std::string>> rows{{"USER", "CREATED", "PASSWORD SET"}};
    for (const auto& each : *all)
        rows.push_back({printable(each.name), format_time(each.created), format_time(each.changed)});
    std::cout << format_table(rows);
}

CLI::App* add_action(CLI::App& parent, const std::shared_ptr<user_options>& options, int& exit_code, const char* name,
                     const char* description, void (*action)(const user_options&, int&)) {
    auto* command = parent.add_subcommand(name, description);
    command->add_option("--database", options->database, "The account database, instead of the config's")
        ->type_name("FILE");
    command
        ->add_option("--config", options->config,
                     "The broker's config file, which names the database and the cost of a password hash")
        ->type_name("FILE")
        ->envname("BESTER_CONFIG");
    command->callback([action, options, &exit_code] { action(*options, exit_code); });
    return command;
}

void add_user_name(CLI::App& command, user_options& options) {
    command.add_option("NAME", options.user, "The user")->required()->type_name("");
}

void add_password_file(CLI::App& command, user_options& options) {
    command
        .add_option("--password-file", options.password_file,
                    "The password is the file's first line (else you are asked at a terminal, else it is the first "
                    "line of standard input)")
        ->type_name("FILE");
}

}  // namespace

void add_user_command(CLI::App& app, int& exit_code) {
    const auto options = std::make_shared<user_options>();
    auto* command =
        app.add_subcommand("user",
                           "Add, change, remove or list the accounts of this server\n\n"
                           "Works on the account database itself; a running broker notices within a second.\n"
                           "Without --config and --database that is " +
                               config::default_account_database(config::probe_surroundings()) + ".");
    command->require_subcommand(1);
    add_footer(*command,
               "  bester user add tina --config /etc/bester/bester.jsonc\n"
               "  pwgen 20 1 | tee tina.password | bester user add tina --database accounts.db\n"
               "  bester user passwd tina --password-file tina.password\n"
               "  bester user remove tina\n"
               "  bester user list --json\n");

    auto* adding = add_action(*command, options, exit_code, "add", "Add an account", add);
    add_user_name(*adding, *options);
    add_password_file(*adding, *options);

    auto* setting = add_action(*command, options, exit_code, "passwd", "Set another password", set_password);
    add_user_name(*setting, *options);
    add_password_file(*setting, *options);

    add_user_name(*add_action(*command, options, exit_code, "remove", "Remove an account", remove), *options);
    add_action(*command, options, exit_code, "list", "List the accounts", list)
        ->add_flag("--json", options->as_json, "Print JSON");
}

}  // namespace bester::cli
