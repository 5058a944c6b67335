#include "cli/ca.hpp"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/exit_codes.hpp"
#include "cli/options.hpp"
#include "cli/terminal.hpp"
#include "tls/certificate_authority.hpp"
#include "tls/pem_files.hpp"

namespace bester::cli {
namespace {

constexpr const char* default_directory = "bester-ca";

struct ca_options {
    std::string directory = default_directory;
    std::string authority_name = "bester authority";
    std::string out;
    std::vector<std::string> names;
    std::vector<std::string> files;
    long days = 0;
    bool is_key_fresh = false;
    bool as_json = false;

    const std::string& out_directory() const { return out.empty() ? directory : out; }
};

int tls_exit_code(tls::error_code code) {
    using enum tls::error_code;
    switch (code) {
        case bad_name:
        case bad_setting: return exit_usage;
        case file_missing:
        case file_unreadable:
        case file_not_written:
        case not_a_certificate:
        case not_a_key: return exit_unreachable;
        default: return exit_refused;
    }
}

void print(const tls::error& error, int& exit_code) {
    std::cerr << "bester: " << tls::to_string(error.code) << ": " << printable(error.reason) << "\n";
    exit_code = tls_exit_code(error.code);
}

std::chrono::sys_seconds now() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

tls::validity validity_of(const ca_options& options) { return tls::valid_for(std::chrono::days(options.days), now()); }

std::string days_text(const tls::certificate_info& certificate) {
    const auto days = tls::days_left(certificate, now());
    if (days < 0) return "expired";
    return tls::days_text(days) + " left";
}

/// Returns a text such as "until 2026-01-31T12:00:00Z (364 days left)".
std::string end_text(const tls::certificate_info& certificate) {
    return "until " + tls::format_time(certificate.not_after) + " (" + days_text(certificate) + ")";
}

std::optional<tls::certificate_authority> load_authority(const ca_options& options, int& exit_code) {
    auto loaded = tls::certificate_authority::load(options.directory);
    if (loaded) return *std::move(loaded);
    print(loaded.error(), exit_code);
    if (loaded.error().code == tls::error_code::file_missing)
        std::cerr << "bester: `bester ca init` makes an authority; --directory says where it is\n";
    return std::nullopt;
}

void init(const ca_options& options, int& exit_code) {
    const auto made = tls::certificate_authority::create(options.authority_name, validity_of(options));
    if (!made) return print(made.error(), exit_code);
    if (const auto saved = made->save(options.directory); !saved) return print(saved.error(), exit_code);
    std::cout << "authority \"" << printable(options.authority_name) << "\" made in " << options.directory << ", good "
              << end_text(made->info()) << "\n"
              << "Keep " << tls::key_path(options.directory, "ca") << " to yourself; every server gets "
              << tls::certificate_path(options.directory, "ca") << ".\n";
}

/// Copies the authority's certificate, which a server needs beside its own.
tls::result<void> copy_authority(const tls::certificate_authority& authority, const ca_options& options) {
    if (options.out.empty()) return {};
    const auto path = tls::certificate_path(options.out, "ca");
    const auto there = tls::describe_file(path);
    if (there && there->front().sha256 == authority.info().sha256) return {};
    auto written = tls::write_file(path, tls::to_pem(authority.certificate()), tls::file_access::everybody,
                                   tls::existing_file::kept);
    if (!written && written.error().code == tls::error_code::file_exists)
        written.error().reason += ", and it is not that of this authority";
    return written;
}

void issue(const ca_options& options, int& exit_code) {
    const auto authority = load_authority(options, exit_code);
    if (!authority) return;
    // All are made before the first one is written, so that a wrong name changes nothing.
    std::vector<tls::identity> made;
    for (const auto& name : options.names) {
        auto each = authority->issue(name, validity_of(options));
        if (!each) return print(each.error(), exit_code);
        made.push_back(*std::move(each));
    }
    const auto& directory = options.out_directory();
    const auto prepared = tls::make_directory(directory).and_then([&] { return copy_authority(*authority, options); });
    if (!prepared) return print(prepared.error(), exit_code);
    for (std::size_t i = 0; i < made.size(); ++i) {
        const auto& name = options.names[i];
        if (const auto saved = tls::save_identity(made[i], directory, name); !saved) {
            print(saved.error(), exit_code);
            if (saved.error().code == tls::error_code::file_exists)
                std::cerr << "bester: `bester ca renew " << name << "` makes a new certificate in its place\n";
            return;
        }
        std::cout << name << ": " << tls::certificate_path(directory, name) << " and " << tls::key_path(directory, name)
                  << ", good " << end_text(tls::describe(*made[i].certificate)) << "\n";
    }
}

void renew(const ca_options& options, int& exit_code) {
    const auto authority = load_authority(options, exit_code);
    if (!authority) return;
    const auto key = options.is_key_fresh ? tls::renewed_key::fresh : tls::renewed_key::same;
    for (const auto& name : options.names) {
        const auto renewed = tls::renew(*authority, options.out_directory(), name, validity_of(options), key);
        if (!renewed) return print(renewed.error(), exit_code);
        std::cout << name << ": " << tls::certificate_path(options.out_directory(), name) << " renewed"
                  << (options.is_key_fresh ? ", with a new key" : "") << ", good " << end_text(*renewed) << "\n";
    }
    std::cout << "Put it where the server reads it, then `bester reload`.\n";
}

/// Lists the authority first, then the others by name.
std::vector<std::string> certificate_files(const std::string& directory) {
    std::vector<std::string> files;
    std::error_code ignored;
    const auto authority = tls::certificate_path(directory, "ca");
    for (const auto& each : std::filesystem::directory_iterator(directory, ignored))
        if (each.path().extension() == ".crt" && each.path().filename() != "ca.crt")
            files.push_back(each.path().string());
    std::sort(files.begin(), files.end());
    files.insert(files.begin(), authority);
    return files;
}

std::string uses_text(const tls::certificate_info& certificate) {
    if (certificate.is_authority) return "signs other certificates";
    if (certificate.is_for_servers && certificate.is_for_clients) return "servers and clients (a link needs both)";
    return certificate.is_for_servers ? "servers" : certificate.is_for_clients ? "clients" : "not said";
}

void print_text(const std::string& file, const tls::certificate_info& certificate, const palette& colours) {
    std::string names;
    for (const auto& each : certificate.names) names += (names.empty() ? "" : ", ") + each;
    const bool is_over = certificate.not_after < now();
    const auto left = days_text(certificate);
    std::cout << colours.strong(printable(certificate.subject)) << "  " << colours.quiet(printable(file)) << "\n"
              << "  names   " << (names.empty() ? "none" : names) << "\n"
              << "  issuer  " << printable(certificate.issuer) << "\n"
              << "  good    " << tls::format_time(certificate.not_before) << " until "
              << tls::format_time(certificate.not_after) << " (" << (is_over ? colours.bad(left) : left) << ")\n"
              << "  for     " << uses_text(certificate) << "\n"
              << "  serial  " << certificate.serial << "\n"
              << "  sha256  " << certificate.sha256 << "\n";
}

nlohmann::json to_json(const std::string& file, const tls::certificate_info& certificate) {
    return {{"file", printable(file)},
            {"subject", printable(certificate.subject)},
            {"names", certificate.names},
            {"issuer", printable(certificate.issuer)},
            {"serial", certificate.serial},
            {"not_before", tls::format_time(certificate.not_before)},
            {"not_after", tls::format_time(certificate.not_after)},
            {"days_left", tls::days_left(certificate, now())},
            {"sha256", certificate.sha256},
            {"authority", certificate.is_authority},
            {"for_servers", certificate.is_for_servers},
            {"for_clients", certificate.is_for_clients}};
}

void show(const ca_options& options, int& exit_code) {
    auto list = nlohmann::json::array();
    const palette colours(wants_colour(1));
    // A file that cannot be read does not hide the others.
    for (const auto& file : options.files.empty() ? certificate_files(options.directory) : options.files) {
        const auto certificates = tls::describe_file(file);
        if (!certificates) {
            print(certificates.error(), exit_code);
            continue;
        }
        for (const auto& each : *certificates)
            if (options.as_json) list.push_back(to_json(file, each));
            else print_text(file, each, colours);
    }
    if (options.as_json) std::cout << list.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
}

void add_days(CLI::App& command, ca_options& options, std::chrono::days lifetime) {
    const long days = lifetime.count();
    command.add_option("--days", options.days, "For how long it is good")
        ->type_name("N")
        ->check(CLI::Range(1L, 36'500L).description(""))
        ->default_val(days);
}

using options_ptr = std::shared_ptr<ca_options>;

CLI::App* add_action(CLI::App& parent, int& exit_code, const char* name, const char* description,
                     const options_ptr& options, void (*action)(const ca_options&, int&)) {
    auto* command = parent.add_subcommand(name, description);
    command->add_option("--directory", options->directory, "Where the authority's files are")
        ->type_name("DIR")
        ->envname("BESTER_CA_DIRECTORY")
        ->capture_default_str();
    command->callback([action, options, &exit_code] { action(*options, exit_code); });
    return command;
}

void add_server_names(CLI::App& command, ca_options& options, const char* out_description) {
    command.add_option("NAME", options.names, "Names of servers, as `server.name` in their configs")
        ->required()
        ->type_name("");
    command.add_option("--out", options.out, out_description)->type_name("DIR");
}

void add_init(CLI::App& parent, int& exit_code) {
    const auto options = std::make_shared<ca_options>();
    auto* command = add_action(parent, exit_code, "init", "Make a new authority: ca.crt and ca.key", options, init);
    command->add_option("--name", options->authority_name, "What it is called, for people")
        ->type_name("TEXT")
        ->capture_default_str();
    add_days(*command, *options, tls::certificate_authority::default_lifetime);
    add_footer(*command,
               "  bester ca init\n"
               "  bester ca init --directory /etc/bester/ca --name \"Example Inc. servers\"\n");
}

void add_issue(CLI::App& parent, int& exit_code) {
    const auto options = std::make_shared<ca_options>();
    auto* command = add_action(parent, exit_code, "issue",
                               "Make certificate and key for servers: NAME.crt and NAME.key", options, issue);
    add_server_names(*command, *options,
                     "Write here (with a copy of ca.crt) instead of into the authority's directory");
    add_days(*command, *options, tls::certificate_authority::default_server_lifetime);
    add_footer(*command,
               "  bester ca issue alpha beta\n"
               "  bester ca issue alpha --days 90 --out /etc/bester/tls\n");
}

void add_renew(CLI::App& parent, int& exit_code) {
    const auto options = std::make_shared<ca_options>();
    auto* command =
        add_action(parent, exit_code, "renew",
                   "Make a new certificate for a server, for the same key, in place of the old one", options, renew);
    add_server_names(*command, *options, "Where NAME.crt and NAME.key are, if not in the authority's directory");
    command->add_flag("--new-key", options->is_key_fresh, "Make a new private key, too");
    add_days(*command, *options, tls::certificate_authority::default_server_lifetime);
    add_footer(*command,
               "  bester ca renew alpha && bester reload\n"
               "  bester ca renew alpha --new-key --out /etc/bester/tls\n");
}

void add_show(CLI::App& parent, int& exit_code) {
    const auto options = std::make_shared<ca_options>();
    auto* command =
        add_action(parent, exit_code, "show", "Show certificates and the days that they have left", options, show);
    command->add_option("FILE", options->files, "Certificates in PEM form (else those of the authority's directory)")
        ->type_name("");
    command->add_flag("--json", options->as_json, "Print JSON");
    add_footer(*command,
               "  bester ca show\n"
               "  bester ca show /etc/bester/tls/alpha.crt\n"
               "  bester ca show --json | jq '.[] | select(.days_left < 30) | .file'\n");
}

}  // namespace

void add_ca_command(CLI::App& app, int& exit_code) {
    auto* command =
        app.add_subcommand("ca",
                           "Make the authority that your servers trust, and their certificates\n\n"
                           "A link between servers is encrypted and both sides prove their names with certificates\n"
                           "of one authority. Whoever has ca.key can admit servers: keep it off them. A file is never\n"
                           "overwritten, but for those that `renew` replaces.\n");
    command->require_subcommand(1);
    add_footer(*command,
               "  bester ca init\n"
               "  bester ca issue alpha beta\n"
               "  bester ca renew alpha\n"
               "  bester ca show\n");
    add_init(*command, exit_code);
    add_issue(*command, exit_code);
    add_renew(*command, exit_code);
    add_show(*command, exit_code);
}

}  // namespace bester::cli
