#include "handlers/supervisor.hpp"

#include "handlers/handler_entry.hpp"
#include "handlers/handshake.hpp"
#include "log/log.hpp"

#include <asio/io_context.hpp>
#include <asio/post.hpp>

#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <system_error>

namespace bester::handlers {

namespace {

using wire::error_code;

void make_runtime_directory(const std::string& path) {
    // Other users must be able to reach the socket in it, but not to list it.
    if (::mkdir(path.c_str(), 0711) == 0) ::chmod(path.c_str(), 0711);
    else if (errno != EEXIST)
        throw std::runtime_error("handlers: cannot make the directory '" + path +
                                 "': " + std::generic_category().message(errno) +
                                 "; make it, or choose another server.runtime_directory");
}

}  // namespace

struct supervisor::parts {
    parts(asio::io_context& io, channel_host& host, supervisor_settings settings, guard* watcher)
        : runtime_directory(std::move(settings.runtime_directory)),
          for_instances{io, host, watcher, runtime_directory + "/handlers.sock", std::move(settings.server_name)},
          for_entries{for_instances, [this] { return ++last_epoch; },
                      [this] { return std::uniform_real_distribution<double>()(random); }} {}

    void listen();
    void apply(std::vector<handler_settings> wanted);
    tl::expected<admission, refusal> admit(const hello_message& hello, const peer_credentials& peer);
    tl::expected<instance*, refusal> find_caller(const hello_message& hello, const peer_credentials& peer);
    instance* find(const instance_ref& ref) const;
    tl::expected<handler_entry*, std::string> find_entry(const std::string& name) const;
    void entry_is_idle(const std::string& name);
    void report_if_stopped();

    std::string runtime_directory;
    instance_services for_instances;
    std::uint64_t last_epoch = 0;
    std::mt19937 random{std::random_device{}()};
    entry_services for_entries;
    std::map<std::string, std::shared_ptr<handler_entry>> entries;
    std::set<std::string> removed;  // entries that are removed when they are idle
    std::unique_ptr<handshake_listener> listener;
    bool is_stopping = false;
    std::function<void()> stopped;
};

void supervisor::parts::listen() {
    make_runtime_directory(runtime_directory);
    handshake_decisions decisions;
    decisions.admit = [this](const hello_message& hello, const peer_credentials& peer) { return admit(hello, peer); };
    decisions.opened = [this](channel_offer offer) {
        if (instance* caller = find(offer.instance)) caller->channel_opened(std::move(offer));
        else ::close(offer.fd);
    };
    decisions.failed = [this](const instance_ref& ref, const std::string& reason) {
        if (instance* caller = find(ref)) caller->lost(reason);
    };
    listener = std::make_unique<handshake_listener>(for_instances.io, for_instances.socket_path, std::move(decisions));
}

void supervisor::parts::apply(std::vector<handler_settings> wanted) {
    std::set<std::string> names;
    for (handler_settings& settings : wanted) {
        if (settings.start == start_mode::one_shot) continue;
        names.insert(settings.name);
        const bool was_removed = removed.erase(settings.name) > 0;
        std::shared_ptr<handler_entry>& entry = entries[settings.name];
        if (entry) {
            if (entry->settings() != settings) entry->update(std::move(settings));
            if (was_removed) entry->start();
            continue;
        }
        entry = std::make_shared<handler_entry>(for_entries, std::move(settings),
                                                [this](handler_entry& idle) { entry_is_idle(idle.settings().name); });
        entry->start();
    }
    std::vector<std::string> gone;
    for (const auto& [name, entry] : entries)
        if (!names.contains(name) && removed.insert(name).second) {
            log::info("handler {}: no longer in the config, draining it", name);
            gone.push_back(name);
        }
    for (const std::string& name : gone) {
        const auto entry = entries.at(name);
        entry->drain(entry->drain_limit());
        if (entry->is_idle()) entry_is_idle(name);
    }
}

tl::expected<admission, refusal> supervisor::parts::admit(const hello_message& hello, const peer_credentials& peer) {
    const auto caller = find_caller(hello, peer);
    if (!caller) return tl::unexpected(caller.error());
    return (*caller)->admit(hello, peer.uid);
}

tl::expected<instance*, refusal> supervisor::parts::find_caller(const hello_message& hello,
                                                                const peer_credentials& peer) {
    const auto found = entries.find(hello.handler);
    if (found == entries.end())
        return tl::unexpected(
            refusal{error_code::handler_unknown, "the config has no handler '" + hello.handler + "' with processes"});
    handler_entry& entry = *found->second;
    if (!hello.key.empty()) {
        if (instance* caller = entry.find_by_key(hello.key)) return caller;
        return tl::unexpected(refusal{error_code::bad_token, "the key is not that of a living instance"});
    }
    if (!hello.token.empty()) {
        if (instance* caller = entry.find_by_token(hello.token)) return caller;
        return tl::unexpected(refusal{error_code::bad_token,
                                      "the token is not that of a process that waits for its first "
                                      "channel (it is valid once)"});
    }
    if (peer.uid != ::geteuid() && peer.uid != 0)
        return tl::unexpected(refusal{error_code::not_permitted, "without a token, the user id must be the broker's (" +
                                                                     std::to_string(::geteuid()) + ") or root's, not " +
                                                                     std::to_string(peer.uid)});
    return entry.attach(peer.pid);
}

instance* supervisor::parts::find(const instance_ref& ref) const {
    const auto entry = entries.find(ref.handler);
    return entry == entries.end() ? nullptr : entry->second->find(ref);
}

tl::expected<handler_entry*, std::string> supervisor::parts::find_entry(const std::string& name) const {
    if (is_stopping) return tl::unexpected(std::string("the broker is stopping"));
    const auto entry = entries.find(name);
    if (entry == entries.end() || removed.contains(name))
        return tl::unexpected("there is no handler \"" + name + "\" that has processes");
    return entry->second.get();
}

void supervisor::parts::entry_is_idle(const std::string& name) {
    if (removed.contains(name) || is_stopping) {
        const std::string gone = name;  // the argument may be the entry's own
        removed.erase(gone);
        entries.erase(gone);
    }
    report_if_stopped();
}

void supervisor::parts::report_if_stopped() {
    if (!is_stopping || !entries.empty()) return;
    if (!stopped) return;
    asio::post(for_instances.io, stopped);
    stopped = nullptr;
}

supervisor::supervisor(asio::io_context& io, channel_host& host, supervisor_settings settings, guard* watcher)
    : parts_(std::make_unique<parts>(io, host, std::move(settings), watcher)) {}

supervisor::~supervisor() = default;

void supervisor::listen() { parts_->listen(); }

void supervisor::start(std::vector<handler_settings> entries) {
    if (!parts_->listener) parts_->listen();
    parts_->apply(std::move(entries));
}

void supervisor::apply(std::vector<handler_settings> wanted) {
    if (!parts_->is_stopping) parts_->apply(std::move(wanted));
}

tl::expected<void, std::string> supervisor::restart(const std::string& name) {
    return parts_->find_entry(name).map([](handler_entry* entry) { entry->restart(); });
}

tl::expected<void, std::string> supervisor::drain(const std::string& name) {
    return parts_->find_entry(name).map([](handler_entry* entry) { entry->drain(entry->drain_limit()); });
}

void supervisor::stop(clock::time_point drain_until, std::function<void()> stopped) {
    parts_->is_stopping = true;
    parts_->stopped = std::move(stopped);
    if (parts_->listener) parts_->listener->close();
    const auto entries = parts_->entries;  // a copy: idle ones are erased underway
    for (const auto& [name, entry] : entries) {
        entry->drain(drain_until);
        if (entry->is_idle()) parts_->entry_is_idle(name);
    }
    parts_->report_if_stopped();
}

void supervisor::channel_lost(const instance_ref& ref, const std::string& reason, loss why) {
    if (instance* which = parts_->find(ref)) which->lost(reason, why);
}

void supervisor::instance_drained(const instance_ref& ref) {
    if (instance* which = parts_->find(ref)) which->drained();
}

void supervisor::instance_confirmed(const instance_ref& ref) {
    if (instance* which = parts_->find(ref)) which->confirmed();
}

void supervisor::go_on() {
    const auto entries = parts_->entries;  // a copy: idle ones are erased underway
    for (const auto& [name, entry] : entries) entry->go_on();
    parts_->report_if_stopped();
}

std::vector<handler_status> supervisor::status() const {
    std::vector<handler_status> all;
    for (const auto& [name, entry] : parts_->entries) all.push_back(entry->status());
    return all;
}

}  // namespace bester::handlers
