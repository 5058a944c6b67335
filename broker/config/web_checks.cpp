// Checks of the paths and files of a listener for WebSockets.
#include <algorithm>
#include <filesystem>

#include "config/entry_checks.hpp"
#include "config/object_reader.hpp"
#include "config/wording.hpp"
#include "socketio/packet.hpp"
#include "web/address_rule.hpp"
#include "web/origin_rule.hpp"
#include "web/tokens.hpp"
#include "wire/names.hpp"

namespace bester::config {
namespace {

constexpr std::size_t most_paths = 1'000;
constexpr std::size_t most_namespaces = 100;

struct web_check {
    const json_value& from;
    const std::string& path;
    const clients::listener_settings& listener;
    const reading& context;

    /// Reports at a key of the object `in`, or at the object.
    void mistake(const json_value& in, const std::string& in_path, std::string_view name, std::string message) const {
        const json_member* const member = in.find(name);
        context.mistake(member != nullptr ? member->value.begin : in.begin, path_to(in_path, name), std::move(message));
    }

    void check_path(const json_member& member, const std::string& at, const clients::web_path& entry) const {
        const json_value& in = member.value;
        const bool is_path = entry.name.starts_with('/') && entry.name.find_first_of("?#% \\") == std::string::npos;
        if (!is_path) {
            context.mistake(member.begin, at, excerpt(entry.name) + " is not a path; write \"/\" or \"/chat\"");
        }
        for (const std::string& rule : entry.origins) {
            if (!web::is_origin_rule(rule)) {
                mistake(in, at, "origins",
                        excerpt(rule) +
                            " is no origin; write \"https://chat.example.org\", "
                            "\"https://*.example.org\", \"self\" or \"*\"");
            }
        }
        for (const std::string& name : entry.subprotocols) {
            if (!web::is_token(name)) {
                mistake(in, at, "subprotocols",
                        excerpt(name) + " is not the name of a subprotocol (a token of RFC 9110)");
            }
        }
        check_bound(in, at, entry);
    }

    void check_type(const json_value& in, const std::string& at, std::string_view key, const std::string& type) const {
        if (!wire::is_type(type) || type == "builtin" || type == "dummy") {
            mistake(in, at, key, excerpt(type) + " is not a message type that clients may send");
        }
    }

    void check_socketio(const json_value& in, const std::string& at, const clients::web_path& entry) const {
        if (!entry.type.empty()) {
            mistake(in, at, "type", "has no meaning with \"frames\": \"socketio\": each of \"namespaces\" has its own");
        }
        if (entry.namespaces.empty() || entry.namespaces.size() > most_namespaces) {
            mistake(in, at, "namespaces",
                    "must have 1 to " + std::to_string(most_namespaces) +
                        " entries, e.g. {\"/\": \"chat\"}: a Socket.IO path is nothing without");
        }
        for (const auto& [name, type] : entry.namespaces) {
            if (!socketio::is_namespace(name)) {
                mistake(in, at, "namespaces", excerpt(name) + " is not a namespace; write \"/\" or \"/admin\"");
            }
            check_type(in, at, "namespaces", type);
        }
    }

    void check_bound(const json_value& in, const std::string& at, const clients::web_path& entry) const {
        if (entry.frames == clients::bound_frames::socketio) {
            return check_socketio(in, at, entry);
        }
        for (const std::string_view name : {"namespaces", "recovery", "recovery_bytes"}) {
            if (const json_member* const member = in.find(name)) {
                context.found.warning(member->begin, path_to(at, name),
                                      "has no effect: it is for \"frames\": \"socketio\"");
            }
        }
        if (entry.type.empty()) {
            if (entry.frames == clients::bound_frames::text) {
                mistake(in, at, "frames", "has no meaning without \"type\"");
            }
            return;
        }
        check_type(in, at, "type", entry.type);
    }

    void check_files() const {
        const std::string& files = listener.web.files;
        std::error_code error;
        if (!files.empty() && !std::filesystem::is_directory(files, error)) {
            mistake(from, path, "files", excerpt(files) + " is not a folder");
        }
    }

    void check_proxies() const {
        for (const std::string& proxy : listener.proxies) {
            if (!web::is_address_rule(proxy)) {
                mistake(from, path, "proxies",
                        excerpt(proxy) + " is not an IP address or a network such as \"10.0.0.0/8\"");
            }
        }
        if (listener.proxy_protocol && listener.proxies.empty()) {
            mistake(from, path, "proxy_protocol",
                    "needs \"proxies\": the addresses whose connections begin with a PROXY header");
        }
        const bool is_web = listener.kind == clients::transport::websocket;
        if (!listener.proxies.empty() && !listener.proxy_protocol && !is_web) {
            context.found.warning(from.find("proxies")->begin, path_to(path, "proxies"),
                                  "has no effect without \"proxy_protocol\": true");
        }
    }

    void check_elsewhere() const {
        for (const std::string_view name : {"paths", "files", "file_size", "cache_control", "head_size"}) {
            if (const json_member* const member = from.find(name)) {
                context.found.warning(member->begin, path_to(path, name),
                                      "has no effect: it is for \"transport\": \"websocket\"");
            }
        }
    }
};

}  // namespace

void read_web(const json_value& from, const std::string& path, clients::listener_settings& listener,
              const reading& context) {
    const web_check check{from, path, listener, context};
    check.check_proxies();
    if (listener.kind != clients::transport::websocket) {
        return check.check_elsewhere();
    }
    check.check_files();
    const json_member* const section = from.find("paths");
    if (section == nullptr) {
        if (listener.web.files.empty()) {
            clients::web_path root;
            root.name = "/";
            listener.web.paths.push_back(std::move(root));
        }
        return;
    }
    const std::string paths = path_to(path, "paths");
    if (!expect_object(section->value, paths, context)) {
        return;
    }
    if (section->value.members.size() > most_paths) {
        context.mistake(section->value.begin, paths, "must have at most " + std::to_string(most_paths) + " entries");
        return;
    }
    const object_reader<clients::web_path> reader{path_keys(), {}, context};
    for (const json_member& member : section->value.members) {
        const std::string at = path_to(paths, member.name);
        clients::web_path entry;
        entry.name = member.name;
        reader.read(member.value, at, entry);
        if (member.value.kind == json_kind::object) {
            check.check_path(member, at, entry);
            listener.web.paths.push_back(std::move(entry));
        }
    }
}

}  // namespace bester::config
