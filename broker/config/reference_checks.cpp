// Checks of names that stand for something elsewhere in the config: types that a handler serves, commands, handlers.
#include <algorithm>

#include "config/entry_checks.hpp"
#include "config/wording.hpp"
#include "wire/command_table.hpp"
#include "wire/pattern.hpp"

namespace bester::config {
namespace {

/// The names of one kind that exist.
class known_names {
public:
    explicit known_names(std::vector<std::string_view> names) : names_{std::move(names)} {
        std::sort(names_.begin(), names_.end());
        names_.erase(std::unique(names_.begin(), names_.end()), names_.end());
    }

    bool has(std::string_view pattern) const {
        return std::any_of(names_.begin(), names_.end(), [&](auto name) { return wire::fits(pattern, name); });
    }
    /// Empty: there are none, or none is meant by a pattern.
    std::string meant_by(std::string_view pattern) const {
        const bool is_pattern = pattern.find('*') != std::string_view::npos;
        return is_pattern || names_.empty() ? "" : suggestion(pattern, names_);
    }

private:
    std::vector<std::string_view> names_;
};

struct reference_check {
    const json_value& root;
    const broker_config& config;
    const reading& context;
    known_names types;
    known_names handlers;
    known_names commands;

    void warn_unless_served(const std::string& type, const json_value& at, const std::string& path) const {
        const bool is_refused = type == "builtin" || type == "dummy";  // which a path reports as a mistake
        if (!is_refused && !types.has(type))
            context.found.warning(at.begin, path, "no handler serves type " + excerpt(type) + types.meant_by(type));
    }

    void check_permissions() const {
        const json_member* const section = root.find("permissions");
        if (section == nullptr || section->value.elements.size() != config.permissions.size()) return;
        std::vector<std::string_view> before;
        for (std::size_t i = 0; i < config.permissions.size(); ++i) {
            const json_member* const written = section->value.elements[i].find("types");
            const auto& patterns = config.permissions[i].types;
            if (written == nullptr || written->value.elements.size() != patterns.size()) continue;
            const std::string path = path_to(path_to("permissions", i), "types");
            for (std::size_t k = 0; k < patterns.size(); ++k)
                check_pattern(patterns[k], written->value.elements[k], path_to(path, k), before);
        }
    }

    /// The first pattern that a type fits decides about it, so one that an earlier one covers never does.
    void check_pattern(const std::string& pattern, const json_value& at, const std::string& path,
                       std::vector<std::string_view>& before) const {
        const auto covering = std::find_if(before.begin(), before.end(), [&](auto earlier) {
            return earlier != pattern && wire::fits(earlier, pattern);
        });
        if (covering != before.end()) {
            context.found.warning(
                at.begin, path,
                "never decides: " + excerpt(*covering) + ", which is before it, fits all of these types");
        } else {
            warn_unless_served(pattern, at, path);
        }
        // Rules of the same pattern belong together.
        if (std::find(before.begin(), before.end(), pattern) == before.end()) before.push_back(pattern);
    }

    void check_paths() const {
        const json_member* const listeners = root.find("listeners");
        if (listeners == nullptr) return;
        for (std::size_t i = 0; i < listeners->value.elements.size(); ++i) {
            const json_member* const paths = listeners->value.elements[i].find("paths");
            if (paths == nullptr) continue;
            const std::string at = path_to(path_to("listeners", i), "paths");
            for (const json_member& each : paths->value.members) check_path(each.value, path_to(at, each.name));
        }
    }

    void check_path(const json_value& in, const std::string& path) const {
        const auto check_text = [&](const json_value& type, const std::string& at) {
            if (type.kind == json_kind::string) warn_unless_served(type.text, type, at);
        };
        if (const json_member* const type = in.find("type")) check_text(type->value, path_to(path, "type"));
        const json_member* const namespaces = in.find("namespaces");
        if (namespaces == nullptr) return;
        for (const json_member& each : namespaces->value.members)
            check_text(each.value, path_to(path_to(path, "namespaces"), each.name));
    }

    void check_login() const {
        const json_member* const section = root.find("login");
        const json_member* const type = section == nullptr ? nullptr : section->value.find("type");
        if (type != nullptr && !config.login.type.empty())
            warn_unless_served(config.login.type, type->value, "login.type");
    }

    void check_rights() const {
        const json_member* const section = root.find("handlers");
        if (section == nullptr) return;
        for (const json_member& handler : section->value.members) {
            const json_member* const may = handler.value.find("may");
            if (may == nullptr) continue;
            const std::string path = path_to(path_to("handlers", handler.name), "may");
            check_right(may->value, path, "commands", commands, "no command is called ");
            check_right(may->value, path, "handlers", handlers, "no handler is called or serves ");
        }
    }

    void check_right(const json_value& may, const std::string& path, std::string_view key, const known_names& known,
                     const std::string& words) const {
        const json_member* const written = may.find(key);
        if (written == nullptr) return;
        const std::string at = path_to(path, key);
        for (std::size_t i = 0; i < written->value.elements.size(); ++i) {
            const json_value& each = written->value.elements[i];
            if (each.kind == json_kind::string && !known.has(each.text))
                context.found.warning(each.begin, path_to(at, i),
                                      words + excerpt(each.text) + known.meant_by(each.text));
        }
    }
};

}  // namespace

void check_references(const json_value& root, const broker_config& config, const reading& context) {
    if (config.handlers.empty()) return;  // nothing is served, which has been said
    std::vector<std::string_view> types;
    std::vector<std::string_view> handlers;
    for (const auto& handler : config.handlers) {
        types.insert(types.end(), handler.types.begin(), handler.types.end());
        handlers.push_back(handler.name);
    }
    handlers.insert(handlers.end(), types.begin(), types.end());
    std::vector<std::string_view> commands;
    for (const auto& each : wire::command_table)
        if (!each.name.empty()) commands.push_back(each.name);
    const reference_check check{root,
                                config,
                                context,
                                known_names{std::move(types)},
                                known_names{std::move(handlers)},
                                known_names{std::move(commands)}};
    check.check_permissions();
    check.check_paths();
    check.check_login();
    check.check_rights();
}

}  // namespace bester::config
