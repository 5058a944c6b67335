#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <system_error>
#include <vector>

#include "config/entry_checks.hpp"
#include "config/wording.hpp"
#include "wire/names.hpp"

namespace bester::config {
namespace {

using handlers::handler_settings;
using handlers::start_mode;

/// One check of one handler.
struct handler_check {
    const json_member& from;
    const std::string& path;
    handler_settings& handler;
    const reading& context;

    const json_member* find(std::string_view name) const { return from.value.find(name); }

    std::size_t offset_of(std::string_view name) const {
        const json_member* const member = find(name);
        return member == nullptr ? from.begin : member->value.begin;
    }

    void mistake(std::string_view name, std::string message) const {
        context.mistake(offset_of(name), path_to(path, name), std::move(message));
    }

    void resolve_start() const {
        const json_member* const command = find("command");
        const json_member* const socket = find("socket");
        const json_member* const start = find("start");
        if (socket != nullptr) {
            handler.start = start_mode::one_shot;
        }
        const bool is_manual = start != nullptr && start->value.text == "manual";
        const bool is_automatic = start == nullptr || start->value.text == "auto";
        if (command == nullptr && socket == nullptr && is_automatic) {
            context.mistake(from.begin, path,
                            "how does it start? Give one of \"command\" (an executable), \"socket\" (of a one-shot "
                            "handler) and \"start\": \"manual\"");
        } else if (command != nullptr && socket != nullptr) {
            const json_member* const second = std::max(command, socket);
            context.mistake(second->begin, path_to(path, second->name),
                            "\"command\" and \"socket\" exclude each other; keep one");
        } else if (command != nullptr && is_manual) {
            mistake("start", "\"manual\" and \"command\" exclude each other: comment one of them out");
        } else if (socket != nullptr && start != nullptr) {
            mistake("start", "a handler with a \"socket\" is not started by the broker; leave \"start\" out");
        }
    }

    void tell_unused() const {
        static constexpr std::array<std::string_view, 9> for_processes{"environment", "directory",     "user",
                                                                       "instances",   "hello_timeout", "replace",
                                                                       "stop_grace",  "restart",       "config"};
        for (const std::string_view name : for_processes) {
            const json_member* const member = find(name);
            if (handler.start == start_mode::one_shot && member != nullptr) {
                context.found.warning(member->begin, path_to(path, name),
                                      "has no effect on a handler with a \"socket\"");
            }
        }
    }

    /// Finds the executable like execve and the shell, and puts its absolute path into the command.
    void resolve_executable() const {
        if (handler.command.empty()) {
            return;
        }
        const json_value& word = find("command")->value.elements.front();
        const std::string word_path = path_to(path_to(path, "command"), std::size_t{0});
        std::string& executable = handler.command.front();
        if (executable.empty()) {
            context.mistake(word.begin, word_path, "must be an executable, not empty");
        } else if (executable.find('/') != std::string::npos) {
            executable = absolute_path(executable, context.base_directory);
            if (const std::string why = why_not_executable(executable); !why.empty()) {
                context.mistake(word.begin, word_path, excerpt(executable) + ' ' + why);
            }
        } else if (const auto found = search(executable)) {
            executable = *found;
        } else {
            context.mistake(word.begin, word_path,
                            "no executable " + excerpt(executable) + " in $PATH; with a '/' it is relative to " +
                                excerpt(context.base_directory));
        }
    }

    static std::string why_not_executable(const std::string& file) {
        struct stat facts {};
        if (stat(file.c_str(), &facts) != 0) {
            return errno == ENOENT ? "does not exist; build or install it first"
                                   : "cannot be used: " + std::generic_category().message(errno);
        }
        if (!S_ISREG(facts.st_mode)) {
            return "is not a file";
        }
        return ::access(file.c_str(), X_OK) == 0 ? "" : "is not executable; chmod +x it";
    }

    std::optional<std::string> search(const std::string& name) const {
        std::string_view rest = context.machine.search_path;
        while (!rest.empty()) {
            const std::size_t colon = std::min(rest.find(':'), rest.size());
            const std::string candidate = std::string{rest.substr(0, colon)} + '/' + name;
            // A relative folder in $PATH would depend on where the broker was started.
            if (candidate.front() == '/' && colon > 0 && why_not_executable(candidate).empty()) {
                return candidate;
            }
            rest.remove_prefix(std::min(colon + 1, rest.size()));
        }
        return std::nullopt;
    }

    void check_environment() const {
        for (const auto& [name, ignored] : handler.environment) {
            const bool is_sound = !name.empty() && name.find_first_of(std::string_view{"=\0", 2}) == std::string::npos;
            const json_member* const member = find("environment")->value.find(name);
            const std::string member_path = path_to(path_to(path, "environment"), name);
            if (!is_sound) {
                context.mistake(member->begin, member_path, "is not the name of a variable");
            } else if (name.starts_with("BESTER_")) {
                context.mistake(member->begin, member_path, "names that start with BESTER_ are set by the broker");
            }
        }
    }

    void check_directory() const {
        if (find("directory") == nullptr) {
            handler.directory = context.base_directory;
            return;
        }
        struct stat facts {};
        if (!handler.directory.empty() && (stat(handler.directory.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode))) {
            mistake("directory", "there is no folder " + excerpt(handler.directory));
        }
    }

    void check_user() const {
        if (handler.user.empty()) {
            return;
        }
        passwd entry{};
        passwd* found = nullptr;
        std::vector<char> buffer(16'384);
        getpwnam_r(handler.user.c_str(), &entry, buffer.data(), buffer.size(), &found);
        if (found == nullptr) {
            mistake("user", "there is no user " + excerpt(handler.user) + " on this machine");
        } else if (context.machine.user_id != 0 && context.machine.user_id != entry.pw_uid) {
            context.found.warning(offset_of("user"), path_to(path, "user"),
                                  "only a broker that runs as root can start it as " + excerpt(handler.user));
        }
    }

    void check_types(claimed_types& claimed) const {
        const json_member* const types = find("types");
        if (types == nullptr) {
            handler.types = {handler.name};
            claim(handler.name, from.begin, path, claimed);
            return;
        }
        for (std::size_t i = 0; i < handler.types.size(); ++i) {
            const std::string type_path = path_to(path_to(path, "types"), i);
            const std::size_t offset = types->value.elements[i].begin;
            if (!wire::is_type(handler.types[i])) {
                context.mistake(
                    offset, type_path,
                    excerpt(handler.types[i]) + " is not a message type: 1 to 64 bytes without control characters");
            } else {
                claim(handler.types[i], offset, type_path, claimed);
            }
        }
    }

    void claim(const std::string& type, std::size_t offset, const std::string& type_path,
               claimed_types& claimed) const {
        if (type == "dummy" || type == "builtin") {
            context.mistake(offset, type_path, "type " + excerpt(type) + " is reserved for the broker itself");
            return;
        }
        const auto [first, is_new] = claimed.emplace(type, claimed_type{handler.name, offset});
        if (!is_new) {
            context.mistake(offset, type_path,
                            "type " + excerpt(type) + " is already served by " + excerpt(first->second.handler) +
                                " in line " + std::to_string(context.found.line_of(first->second.offset)) +
                                "; one handler serves a type");
        }
    }

    void check_deadlines() const {
        const std::vector<std::string_view> types{handler.types.begin(), handler.types.end()};
        for (const auto& [type, ignored] : handler.deadlines) {
            if (std::find(types.begin(), types.end(), type) == types.end()) {
                context.found.warning(find("deadlines")->value.find(type)->begin,
                                      path_to(path_to(path, "deadlines"), type),
                                      "this handler does not serve type " + excerpt(type) + suggestion(type, types));
            }
        }
    }

    void check_sizes() const {
        if (handler.queue_bytes < handler.message_size) {
            mistake(find("queue_bytes") != nullptr ? "queue_bytes" : "message_size",
                    "queue_bytes (" + number_text(value_kind::size, handler.queue_bytes) +
                        ") must be at least message_size (" + number_text(value_kind::size, handler.message_size) +
                        "), or the largest message never fits");
        }
        if (handler.restart.longest_delay < handler.restart.initial_delay) {
            mistake("restart", "longest_delay must be at least initial_delay");
        }
    }
};

}  // namespace

void check_handler(const json_member& from, const std::string& path, handler_settings& handler, claimed_types& claimed,
                   const reading& context) {
    const handler_check check{from, path, handler, context};
    check.resolve_start();
    check.tell_unused();
    check.resolve_executable();
    check.check_environment();
    check.check_directory();
    check.check_user();
    check.check_types(claimed);
    check.check_deadlines();
    check.check_sizes();
    if (!handler.socket.empty()) {
        check_socket_path(handler.socket, check.offset_of("socket"), path_to(path, "socket"), context);
    }
}

void check_group_owners(const json_value& section, broker_config& config, const reading& context) {
    std::vector<std::string_view> names;
    for (const handler_settings& each : config.handlers) {
        names.push_back(each.name);
    }
    const auto named = [&](std::string_view name) {
        return std::find_if(config.handlers.begin(), config.handlers.end(),
                            [&](const handler_settings& each) { return each.name == name; });
    };
    std::vector<handler_settings*> to_itself;
    for (handler_settings& each : config.handlers) {
        if (each.groups.empty()) {
            continue;
        }
        if (each.groups == each.name) {
            to_itself.push_back(&each);
            continue;
        }
        const std::size_t offset = section.find(each.name)->value.find("groups")->value.begin;
        const std::string path = path_to(path_to("handlers", each.name), "groups");
        const auto owner = named(each.groups);
        if (owner == config.handlers.end()) {
            context.mistake(offset, path,
                            "there is no handler " + excerpt(each.groups) + suggestion(each.groups, names));
        } else if (!owner->groups.empty() && owner->groups != owner->name) {
            context.mistake(offset, path,
                            excerpt(each.groups) + " has no groups of its own: it uses those of " +
                                excerpt(owner->groups) + "; name that one");
        }
    }
    for (handler_settings* const each : to_itself) {
        each->groups.clear();  // the default, named explicitly
    }
}

}  // namespace bester::config
