#include "config/difference.hpp"

#include <algorithm>
#include <map>

#include "config/effective_text.hpp"
#include "config/wording.hpp"

namespace bester::config {
namespace {

template <class T>
void compare_keys(const std::vector<key<T>>& keys, const T& running, const T& wanted, const std::string& path,
                  std::vector<change>& changes) {
    for (const auto& known : keys) {
        auto before = encode(known.facts, known.get(running));
        auto after = encode(known.facts, known.get(wanted));
        if (before != after) {
            const std::string name{known.facts.name};
            changes.push_back({path.empty() ? name : path + '.' + name, std::move(before), std::move(after),
                               known.facts.takes_effect == effect::on_restart});
        }
    }
}

/// Compares named entries: added ones, removed ones, and kept ones key by key.
template <class T>
void compare_entries(const std::vector<key<T>>& keys, const std::map<std::string, T>& running,
                     const std::map<std::string, T>& wanted, const std::string& path, std::vector<change>& changes) {
    const bool needs_restart = keys.front().facts.takes_effect == effect::on_restart;
    const auto text_of = [&](const T& entry) { return object_text(write_keys(keys, entry), 0); };
    for (const auto& [name, entry] : running) {
        const auto found = wanted.find(name);
        if (found == wanted.end()) {
            changes.push_back({path_to(path, name), text_of(entry), std::nullopt, needs_restart});
        } else {
            compare_keys(keys, entry, found->second, path_to(path, name), changes);
        }
    }
    for (const auto& [name, entry] : wanted) {
        if (!running.contains(name)) {
            changes.push_back({path_to(path, name), std::nullopt, text_of(entry), needs_restart});
        }
    }
}

template <class T>
std::map<std::string, T> by_name(const std::vector<T>& entries) {
    std::map<std::string, T> out;
    for (const T& entry : entries) {
        out.emplace(entry.name, entry);
    }
    return out;
}

/// Rules have no names and are compared by position.
void compare_permissions(const broker_config& running, const broker_config& wanted, std::vector<change>& changes) {
    const auto text_of = [](const std::vector<permission_entry>& entries, std::size_t i) {
        return i < entries.size() ? std::optional{object_text(write_keys(permission_keys(), entries[i]), 0)}
                                  : std::nullopt;
    };
    const std::size_t count = std::max(running.permissions.size(), wanted.permissions.size());
    for (std::size_t i = 0; i < count; ++i) {
        auto before = text_of(running.permissions, i), after = text_of(wanted.permissions, i);
        if (before != after) {
            changes.push_back({path_to("permissions", i), std::move(before), std::move(after), false});
        }
    }
}

/// A name may be given to several listeners only where it is their default: on port 0.
std::map<std::string, listener_entry> listeners_of(const broker_config& config) {
    std::map<std::string, listener_entry> by_name;
    for (const auto& listener : config.listeners) {
        std::string name = listener.name;
        while (by_name.contains(name)) {
            name += '\'';
        }
        by_name.emplace(name, entry_of(listener));
    }
    return by_name;
}

/// Compares listeners that are in both.
void compare_paths(const broker_config& running, const broker_config& wanted, std::vector<change>& changes) {
    const auto after = listeners_of(wanted);
    for (const auto& [name, listener] : listeners_of(running)) {
        const auto found = after.find(name);
        if (found != after.end()) {
            compare_entries(path_keys(), by_name(listener.settings.web.paths),
                            by_name(found->second.settings.web.paths), path_to(path_to("listeners", name), "paths"),
                            changes);
        }
    }
}

}  // namespace

std::vector<change> diff(const broker_config& running, const broker_config& wanted) {
    std::vector<change> changes;
    compare_keys(broker_keys(), running, wanted, "", changes);
    compare_entries(listener_keys(), listeners_of(running), listeners_of(wanted), "listeners", changes);
    compare_paths(running, wanted, changes);
    compare_entries(token_keys(), by_name(running.tokens), by_name(wanted.tokens), "tokens", changes);
    compare_permissions(running, wanted, changes);
    compare_entries(handler_keys(), by_name(running.handlers), by_name(wanted.handlers), "handlers", changes);
    compare_entries(peer_keys(), by_name(running.peers), by_name(wanted.peers), "peers", changes);
    return changes;
}

std::string format(const change& one) {
    std::string out = one.path + ": ";
    if (!one.before) {
        out += "added " + *one.after;
    } else if (!one.after) {
        out += "removed";
    } else {
        out += *one.before + " -> " + *one.after;
    }
    return one.needs_restart ? out + " (needs a restart)" : out;
}

}  // namespace bester::config
