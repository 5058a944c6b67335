#include "config/load.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "config/effective_text.hpp"
#include "config/entry_checks.hpp"
#include "config/object_reader.hpp"
#include "json/parse.hpp"
#include "wire/names.hpp"

namespace bester::config {
namespace {

constexpr std::size_t longest_runtime_directory = 80;  // with a socket's name it must fit into sun_path

broker_config defaults_for(const surroundings& machine) {
    broker_config config;
    config.server.name = machine.host_name;
    config.server.threads = std::clamp(machine.cores, 1U, 64U);
    config.server.runtime_directory = machine.runtime_directory;
    config.accounts.database = default_account_database(machine);
    config.limits.connections = std::max<std::size_t>(1, machine.descriptor_limit / 10 * 9);
    return config;
}

listener_entry default_listener() {
    listener_entry entry;
    entry.settings.address = "127.0.0.1:2223";
    return entry;
}

/// A machine that is the same everywhere: what a config is on it depends on nothing but its text.
surroundings no_machine() {
    surroundings machine;
    machine.host_name = "?";  // which no file can say
    machine.runtime_directory = "/run/bester";
    machine.state_directory = "/var/lib/bester";
    return machine;
}

std::size_t offset_of(const json_value& root, std::string_view section, std::string_view name) {
    const json_member* const outer = root.find(section);
    const json_member* const inner = outer == nullptr ? nullptr : outer->value.find(name);
    return inner != nullptr ? inner->value.begin : outer != nullptr ? outer->begin : root.begin;
}

void read_listeners(const json_value& root, broker_config& config, const reading& context) {
    const json_member* const section = root.find("listeners");
    listeners_seen seen;
    if (section == nullptr) {
        listener_entry entry = default_listener();
        json_value nothing_written;
        nothing_written.kind = json_kind::object;
        nothing_written.begin = root.begin;
        check_listener(nothing_written, "listeners", entry, seen, context);
        config.listeners.push_back(entry.settings);
        return;
    }
    if (section->value.kind != json_kind::array) {
        context.mistake(section->value.begin, "listeners", "must be an array: [ { … }, … ]");
        return;
    }
    if (section->value.elements.empty()) {
        context.mistake(section->value.begin, "listeners",
                        "must not be empty: nobody could connect; leave it out for 127.0.0.1:2223");
    }
    if (section->value.elements.size() > most_listeners) {
        context.mistake(section->value.begin, "listeners",
                        "must have at most " + std::to_string(most_listeners) + " elements");
        return;
    }
    const object_reader<listener_entry> reader{listener_keys(), {"paths"}, context};
    for (std::size_t i = 0; i < section->value.elements.size(); ++i) {
        const json_value& element = section->value.elements[i];
        const std::string path = path_to("listeners", i);
        listener_entry entry = default_listener();
        reader.read(element, path, entry);
        if (element.kind == json_kind::object) {
            check_listener(element, path, entry, seen, context);
            config.listeners.push_back(std::move(entry.settings));
        }
    }
}

void read_handlers(const json_value& root, broker_config& config, const reading& context) {
    const json_member* const section = root.find("handlers");
    if (section == nullptr || (section->value.kind == json_kind::object && section->value.members.empty())) {
        context.found.warning(section == nullptr ? root.begin : section->begin, "handlers",
                              "there is no handler: every message will be answered no_handler");
        return;
    }
    if (!expect_object(section->value, "handlers", context)) {
        return;
    }
    if (section->value.members.size() > most_handlers) {
        context.mistake(section->value.begin, "handlers",
                        "must have at most " + std::to_string(most_handlers) + " entries");
        return;
    }
    const object_reader<handlers::handler_settings> reader{handler_keys(), {}, context};
    claimed_types claimed;
    for (const json_member& member : section->value.members) {
        const std::string path = path_to("handlers", member.name);
        if (!wire::is_name(member.name)) {
            context.mistake(member.begin, path,
                            excerpt(member.name) + " is not " + std::string{kind_description(value_kind::name)});
        }
        handlers::handler_settings handler;
        handler.name = member.name;
        reader.read(member.value, path, handler);
        if (member.value.kind == json_kind::object) {
            check_handler(member, path, handler, claimed, context);
            config.handlers.push_back(std::move(handler));
        }
    }
    std::sort(config.handlers.begin(), config.handlers.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    check_group_owners(section->value, config, context);
}

void read_peers(const json_value& root, broker_config& config, const reading& context) {
    const json_member* const section = root.find("peers");
    if (section == nullptr || !expect_object(section->value, "peers", context)) {
        return;
    }
    if (section->value.members.size() > most_peers) {
        context.mistake(section->value.begin, "peers", "must have at most " + std::to_string(most_peers) + " entries");
        return;
    }
    const object_reader<peering::peer_settings> reader{peer_keys(), {}, context};
    for (const json_member& member : section->value.members) {
        const std::string path = path_to("peers", member.name);
        peering::peer_settings peer;
        peer.name = member.name;
        reader.read(member.value, path, peer);
        if (member.value.kind == json_kind::object) {
            check_peer(member, path, peer, config, context);
            config.peers.push_back(std::move(peer));
        }
    }
    std::sort(config.peers.begin(), config.peers.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
}

void check_whole(const json_value& root, broker_config& config, const reading& context) {
    const auto at = [&](std::string_view section, std::string_view name) { return offset_of(root, section, name); };
    if (!wire::is_name(config.server.name)) {
        context.mistake(at("server", "name"), "server.name",
                        "the host name " + excerpt(config.server.name) + " is not " +
                            std::string{kind_description(value_kind::name)} + "; give the server a name");
    }
    if (config.server.runtime_directory.size() > longest_runtime_directory) {
        context.mistake(at("server", "runtime_directory"), "server.runtime_directory",
                        "has " + std::to_string(config.server.runtime_directory.size()) +
                            " bytes; its sockets need one of at most " + std::to_string(longest_runtime_directory));
    }
    if (config.control_socket.empty()) {
        config.control_socket = absolute_path("control.sock", config.server.runtime_directory);
    } else {
        check_socket_path(config.control_socket, at("control", "socket"), "control.socket", context);
    }
    if (config.limits.connections > context.machine.descriptor_limit) {
        context.found.warning(at("server", "connections"), "server.connections",
                              "more than the hard limit of open descriptors, " +
                                  std::to_string(context.machine.descriptor_limit) +
                                  "; raise that (ulimit -Hn, LimitNOFILE=)");
    }
    if (config.limits.queued_memory < config.limits.queue_bytes) {
        context.mistake(at("limits", "queued_memory"), "limits.queued_memory",
                        "must be at least queue_bytes (" + number_text(value_kind::size, config.limits.queue_bytes) +
                            "): else nobody could use a full queue");
    }
    if (config.limits.held_input / 2 < config.limits.message_size) {
        context.mistake(at("limits", "held_input"), "limits.held_input",
                        "must be at least twice message_size (" +
                            number_text(value_kind::size, config.limits.message_size) +
                            "): else a few large frames would end each other");
    }
}

void read_config(const json_value& root, broker_config& config, const reading& context) {
    const object_reader<broker_config> reader{
        broker_keys(), {"listeners", "handlers", "peers", "tokens", "permissions", "$schema"}, context};
    reader.read(root, "", config);
    if (root.kind == json_kind::object) {
        check_whole(root, config, context);
        read_listeners(root, config, context);
        read_handlers(root, config, context);
        read_peers(root, config, context);
        read_access(root, config, context);
        check_peering(root, config, context);
        check_folders(root, config, context);
        check_references(root, config, context);
    }
}

/// Returns the digest of a text that is good. It is that of the config that the text gives on no certain machine and in
/// no certain folder, where files that it names are not found, which changes nothing of its values.
std::string portable_digest(const json_value& root, std::string_view text) {
    const surroundings machine = no_machine();
    findings ignored{text};
    broker_config config = defaults_for(machine);
    read_config(root, config, reading{"/", machine, ignored});
    return digest_of(config);
}

std::string working_directory() {
    std::error_code error;  // the folder may be missing; then only absolute paths work
    const auto directory = std::filesystem::current_path(error);
    return error ? "/" : directory.string();
}

/// Returns whether a mistake at this path can be one about this section: one in it, or a wrong name in its place.
bool may_concern(std::string_view path, std::string_view section) {
    static constexpr std::array<std::string_view, 12> sections{"server",    "log",      "accounts", "limits",
                                                               "login",     "tokens",   "control",  "peers",
                                                               "listeners", "handlers", "peering",  "permissions"};
    const std::string_view first = path.substr(0, path.find_first_of(".["));
    return first == section || std::find(sections.begin(), sections.end(), first) == sections.end();
}

load_result unreadable(const std::string& path, std::string message) {
    return {path, {}, std::nullopt, {{1, 1, "(file)", std::move(message)}}, {}, {}, {}};
}

}  // namespace

std::string load_result::report() const {
    std::string out;
    for (const finding& mistake : mistakes) {
        out += format(file_name, mistake) + '\n';
    }
    for (finding warning : warnings) {
        warning.message.insert(0, "warning: ");
        out += format(file_name, warning) + '\n';
    }
    return out;
}

load_result parse(std::string_view text, const std::string& file_name, const std::string& base_directory,
                  const surroundings& machine) {
    const std::string base = absolute_path(base_directory, working_directory());
    const json::json_document document = json::parse_commented(text);
    findings found{text};
    for (const json::json_problem& problem : document.problems) {
        const std::string first =
            problem.earlier ? " (the first is in line " + std::to_string(found.line_of(*problem.earlier)) + ")" : "";
        found.mistake(problem.offset, problem.path, problem.message + first);
    }
    broker_config config = defaults_for(machine);
    if (document.root) {
        read_config(*document.root, config, reading{base, machine, found});
    }
    load_result result{file_name, std::string{text}, std::nullopt, found.take_mistakes(), found.take_warnings(), {},
                       {}};
    const auto is_sound = [&](std::string_view section) {
        return document.root && std::none_of(result.mistakes.begin(), result.mistakes.end(),
                                             [&](const finding& each) { return may_concern(each.path, section); });
    };
    if (is_sound("control") && is_sound("server")) result.control_socket = config.control_socket;
    if (is_sound("accounts")) result.accounts = config.accounts;
    if (result.mistakes.empty()) {
        config.digest = portable_digest(*document.root, text);
        result.config = std::move(config);
    }
    return result;
}

load_result load(const std::string& path, const surroundings& machine) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) {
        return unreadable(path, "is a folder; give the config file in it");
    }
    errno = 0;
    std::ifstream file{path, std::ios::binary};
    if (!file) {
        return unreadable(path, "cannot be read: " + std::generic_category().message(errno));
    }
    std::string text(largest_config + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (file.bad()) {
        return unreadable(path, "cannot be read: " + std::generic_category().message(errno));
    }
    if (text.size() > largest_config) {
        return unreadable(path, "is larger than " + number_text(value_kind::size, largest_config));
    }
    const std::string folder = std::filesystem::path{path}.parent_path().string();
    return parse(text, path, absolute_path(folder, working_directory()), machine);
}

}  // namespace bester::config
