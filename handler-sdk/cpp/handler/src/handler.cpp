#include <bester/handler.hpp>

#include <stdexcept>
#include <string>
#include <utility>

#include "log.hpp"
#include "run_options.hpp"
#include "runtime.hpp"

namespace bester {

namespace {

constexpr int exit_usage = 2;

/// The first function would be lost, and nobody would know why it is never called.
template <class Function>
void set_once(const char* what, Function& slot, Function given) {
    if (slot) throw std::logic_error{std::string{what} + " was given a function before"};
    slot = std::move(given);
}

void add_message_functions(detail::author_functions& functions, std::string_view type,
                           detail::author_functions::message_entry given) {
    const bool is_new = functions.by_type.try_emplace(std::string{type}, std::move(given)).second;
    if (is_new) return;
    throw std::logic_error{type.empty()
                               ? "on_message was given a function for all other types before"
                               : "on_message was given a function for type \"" + std::string{type} + "\" before"};
}

}  // namespace

struct handler::state {
    explicit state(std::string given) : name{std::move(given)} {}
    std::string name;
    detail::runtime loop;

    int run(const detail::run_settings& settings) {
        if (!settings.socket.empty() && !settings.handler.empty()) return loop.run(settings);
        detail::log_line(detail::severity::error,
                         settings.socket.empty()
                             ? "no socket is known: the broker sets BESTER_SOCKET; by hand, give --socket PATH"
                             : "no handler's name is known: give --handler NAME or the name in the constructor");
        return exit_usage;
    }
};

handler::handler(std::string name) : state_{std::make_unique<state>(std::move(name))} {}
handler::~handler() = default;

void handler::set_message_function(std::string_view type, message_function function) {
    add_message_functions(state_->loop.functions, type, {std::move(function), {}});
}

void handler::set_deferring_function(std::string_view type, deferring_function function) {
    add_message_functions(state_->loop.functions, type, {{}, std::move(function)});
}

void handler::on_welcome(callback<void(const welcome&)> function) {
    set_once("on_welcome", state_->loop.functions.welcome, std::move(function));
}
void handler::on_snapshot(callback<void(const snapshot&)> function) {
    set_once("on_snapshot", state_->loop.functions.presence.snapshot, std::move(function));
}
void handler::on_connected(callback<void(const client_session&)> function) {
    set_once("on_connected", state_->loop.functions.presence.connected, std::move(function));
}
void handler::on_disconnected(callback<void(const client_session&)> function) {
    set_once("on_disconnected", state_->loop.functions.presence.disconnected, std::move(function));
}
void handler::on_joined(callback<void(const client_session&, const std::string&)> function) {
    set_once("on_joined", state_->loop.functions.presence.joined, std::move(function));
}
void handler::on_left(callback<void(const client_session&, const std::string&)> function) {
    set_once("on_left", state_->loop.functions.presence.left, std::move(function));
}
void handler::on_peer_up(callback<void(const std::string&)> function) {
    set_once("on_peer_up", state_->loop.functions.presence.peer_up, std::move(function));
}
void handler::on_peer_down(callback<void(const std::string&)> function) {
    set_once("on_peer_down", state_->loop.functions.presence.peer_down, std::move(function));
}
void handler::on_groups(callback<void(const group_size&)> function) {
    set_once("on_groups", state_->loop.functions.presence.groups, std::move(function));
}
void handler::on_refused(callback<void(const refused_command&)> function) {
    set_once("on_refused", state_->loop.functions.refused, std::move(function));
}

void handler::unordered() { state_->loop.functions.is_unordered = true; }

bool handler::push(commands list) { return state_->loop.push(std::move(list.list())); }

void handler::post(callback<void()> function) {
    state_->loop.door()->post([held = std::move(function)](detail::runtime&) { held(); });
}

void handler::stop() { state_->loop.stop.raise(); }

timer_id handler::every(std::chrono::nanoseconds interval, callback<void()> function) {
    const auto step = std::max(interval, std::chrono::nanoseconds{std::chrono::milliseconds{1}});
    const auto now = detail::timer_queue::clock::now();
    return timer_id{state_->loop.timers.add(now + step, step, std::move(function))};
}

timer_id handler::after(std::chrono::nanoseconds delay, callback<void()> function) {
    const auto now = detail::timer_queue::clock::now();
    return timer_id{state_->loop.timers.add(now + delay, {}, std::move(function))};
}

void handler::cancel(timer_id timer) { state_->loop.timers.cancel(static_cast<std::uint64_t>(timer)); }

int handler::run() { return state_->run(detail::settings_of_environment(state_->name)); }

int handler::run(int argc, char** argv) {
    auto settings = detail::settings_of_environment(state_->name);
    if (const auto code = detail::read_options(argc, argv, settings)) return *code;
    return state_->run(settings);
}

detail::runtime& handler::loop() noexcept { return state_->loop; }

}  // namespace bester
