#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string_view>

#include "config/entry_checks.hpp"
#include "config/wording.hpp"
#include "files/takes_output.hpp"

namespace bester::config {
namespace {

/// Checks that the folders exist in which the broker makes files at its start. The runtime directory and the default
/// state directory, which it makes itself, may be missing.
struct folder_check {
    const json_value& root;
    const broker_config& config;
    const reading& context;

    const json_value* find(std::string_view section, std::string_view name) const {
        const json_member* const outer = root.find(section);
        const json_member* const inner = outer == nullptr ? nullptr : outer->value.find(name);
        return inner == nullptr ? nullptr : &inner->value;
    }

    /// `file` is a file, a socket or a folder that is made in `folder`.
    void check(const std::string& file, const json_value& from, const std::string& path) const {
        if (file.empty()) {
            return;  // of the wrong kind, reported already
        }
        const std::string folder = std::filesystem::path{file}.parent_path().string();
        struct stat facts {};
        if (stat(folder.c_str(), &facts) != 0) {
            context.mistake(from.begin, path, "there is no folder " + excerpt(folder) + " for it; make it first");
        } else if (!S_ISDIR(facts.st_mode)) {
            context.mistake(from.begin, path, excerpt(folder) + " is not a folder");
        } else if (::access(folder.c_str(), W_OK | X_OK) != 0) {
            // The check may be run by another user than the broker.
            context.found.warning(from.begin, path, "this user cannot write in " + excerpt(folder));
        }
    }

    /// Reports a file that is there and is no database.
    void check_database(const std::string& file, const json_value* from) const {
        static constexpr std::string_view beginning{"SQLite format 3\0", 16};
        struct stat facts {};
        if (stat(file.c_str(), &facts) != 0) return;
        if (!S_ISREG(facts.st_mode)) {
            context.mistake(from == nullptr ? root.begin : from->begin, "accounts.database",
                            excerpt(file) + " is not a file");
            return;
        }
        std::ifstream opened{file, std::ios::binary};
        std::string begins(beginning.size(), '\0');
        opened.read(begins.data(), static_cast<std::streamsize>(begins.size()));
        begins.resize(static_cast<std::size_t>(opened.gcount()));
        // An empty one is a database without tables.
        if (begins.empty() || begins == beginning) return;
        context.mistake(from == nullptr ? root.begin : from->begin, "accounts.database",
                        excerpt(file) +
                            " is there already and is not an account database (SQLite); name another path, "
                            "or restore it from a backup");
    }

    void check_runtime_directory() const {
        const std::string& wanted = config.server.runtime_directory;
        struct stat facts {};
        const json_value* const from = find("server", "runtime_directory");
        if (from == nullptr || wanted.empty()) {
            return;
        }
        if (stat(wanted.c_str(), &facts) != 0) {
            check(wanted, *from, "server.runtime_directory");
        } else if (!S_ISDIR(facts.st_mode)) {
            context.mistake(from->begin, "server.runtime_directory", excerpt(wanted) + " is not a folder");
        } else {
            check(wanted + "/handlers.sock", *from, "server.runtime_directory");
        }
    }

    void check_socket(const std::string& socket, const json_value& from, const std::string& path) const {
        if (std::filesystem::path{socket}.parent_path() != std::filesystem::path{config.server.runtime_directory}) {
            check(socket, from, path);
        }
        struct stat facts {};
        if (!socket.empty() && ::lstat(socket.c_str(), &facts) == 0 && !S_ISSOCK(facts.st_mode)) {
            context.mistake(from.begin, path,
                            excerpt(socket) + " is there already and is not a socket; remove it or name another path");
        }
    }

    void check_listeners() const {
        const json_member* const section = root.find("listeners");
        if (section == nullptr) {
            return;
        }
        for (std::size_t i = 0; i < section->value.elements.size(); ++i) {
            const json_value& element = section->value.elements[i];
            const json_member* const transport = element.find("transport");
            const json_member* const address = element.find("address");
            if (transport != nullptr && transport->value.text == "unix" && address != nullptr &&
                !address->value.text.empty()) {
                check_socket(absolute_path(address->value.text, context.base_directory), address->value,
                             path_to(path_to("listeners", i), "address"));
            }
        }
    }
};

}  // namespace

void check_folders(const json_value& root, const broker_config& config, const reading& context) {
    const folder_check folders{root, config, context};
    folders.check_runtime_directory();
    const json_value* const database = folders.find("accounts", "database");
    if (database != nullptr && config.accounts.database != default_account_database(context.machine)) {
        folders.check(config.accounts.database, *database, "accounts.database");
    }
    folders.check_database(config.accounts.database, database);
    if (const json_value* const log = folders.find("log", "file")) {
        folders.check(config.log.file, *log, "log.file");
        if (!files::takes_output(config.log.file))
            context.mistake(log->begin, "log.file",
                            excerpt(config.log.file) + " is a socket, or a pipe that nobody reads");
    }
    if (const json_value* const control = folders.find("control", "socket")) {
        folders.check_socket(config.control_socket, *control, "control.socket");
    }
    folders.check_listeners();
}

}  // namespace bester::config
