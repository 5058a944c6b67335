#include "config/key_bounds.hpp"
#include "config/keys.hpp"

namespace bester::config {
namespace {

template <class Accessor>
key<handlers::handler_settings> of_entry(key_facts facts, Accessor field) {
    return declare<handlers::handler_settings>(std::move(facts), field);
}

std::vector<key<handlers::handler_settings>> process_keys() {
    return {
        of_entry(
            {.name = "command",
             .kind = value_kind::texts,
             .least = 1,
             .description = "The executable and its arguments. With a `/` it is relative to the config file's "
                            "folder, without one it is looked up in `$PATH`.",
             .computed = "none: give one of `command`, `socket` and `\"start\": \"manual\"`"},
            [](auto& h) -> auto& { return h.command; }),
        of_entry(
            {.name = "socket",
             .kind = value_kind::path,
             .description = "UNIX socket of a handler written for the original daemon, to which the broker connects "
                            "for each message (one-shot).",
             .computed = "none"},
            [](auto& h) -> auto& { return h.socket; }),
        of_entry(
            {.name = "start",
             .kind = value_kind::choice,
             .description = "`auto`: the broker starts and supervises `command`. `manual`: you start it by hand, e.g. "
                            "in a debugger; deadlines are not enforced."},
            [](auto& h) -> auto& { return h.start; }),
        of_entry(
            {.name = "environment",
             .kind = value_kind::text_map,
             .description = "Variables added to the process's minimal environment."},
            [](auto& h) -> auto& { return h.environment; }),
        of_entry(
            {.name = "directory",
             .kind = value_kind::path,
             .description = "Working directory of the process.",
             .computed = "the config file's folder"},
            [](auto& h) -> auto& { return h.directory; }),
        of_entry(
            {.name = "user",
             .kind = value_kind::text,
             .least = 1,
             .description = "User that the process runs as; the broker must be root for that.",
             .computed = "the broker's own"},
            [](auto& h) -> auto& { return h.user; }),
        of_entry(
            {.name = "instances",
             .kind = value_kind::count,
             .least = 1,
             .most = 256,
             .description = "How many processes share the load; the messages of one session, or with one routing key, "
                            "go to the same."},
            [](auto& h) -> auto& { return h.instances; }),
        of_entry(
            {.name = "hello_timeout",
             .kind = value_kind::duration,
             .least = 1,
             .most = hour,
             .description = "From the start of a process until it is ready."},
            [](auto& h) -> auto& { return h.hello_timeout; }),
        of_entry(
            {.name = "ping_interval",
             .kind = value_kind::duration,
             .least = 1,
             .most = 24 * hour,
             .description = "An instance that has sent nothing for this time while messages waited for its answer is "
                            "asked whether it lives, with a `ping` (if its hello says that it answers pings)."},
            [](auto& h) -> auto& { return h.ping_interval; }),
        of_entry(
            {.name = "ping_timeout",
             .kind = value_kind::duration,
             .least = 1,
             .most = 24 * hour,
             .description = "An instance that has sent nothing for this time since the `ping` hangs. The SDK answers "
                            "between two calls of your functions: set it longer than the longest of these may take."},
            [](auto& h) -> auto& { return h.ping_timeout; }),
        of_entry(
            {.name = "silence_timeout",
             .kind = value_kind::duration,
             .least = 1,
             .most = 24 * hour,
             .description = "An instance that does not answer pings hangs when messages have waited for it for this "
                            "time, in sum, since it last sent anything."},
            [](auto& h) -> auto& { return h.silence_timeout; }),
        of_entry(
            {.name = "hang",
             .kind = value_kind::choice,
             .description = "What is done about an instance that hangs. `restart`: its process is ended with "
                            "`hang_signal`, and started again. `tell`: the log says so, and the process is left "
                            "alone."},
            [](auto& h) -> auto& { return h.hang; }),
        of_entry(
            {.name = "hang_signal",
             .kind = value_kind::choice,
             .description = "Ends the process of an instance that hangs. `SIGABRT` and `SIGQUIT` leave a core where "
                            "the system keeps them. SIGKILL follows after `stop_grace`."},
            [](auto& h) -> auto& { return h.hang_signal; }),
        of_entry(
            {.name = "replace",
             .kind = value_kind::choice,
             .description =
                 "How an instance makes way for a new one. `beside`: the old one serves until the new one is "
                 "ready. `after`: the new one is started when the old one has gone; messages wait."},
            [](auto& h) -> auto& { return h.replace; }),
        of_entry(
            {.name = "stop_grace",
             .kind = value_kind::duration,
             .most = hour,
             .description = "From SIGTERM to SIGKILL, after the drain."},
            [](auto& h) -> auto& { return h.stop_grace; }),
        of_entry(
            {.name = "config",
             .kind = value_kind::json,
             .description = "Anything; passed to the handler in its welcome."},
            [](auto& h) -> auto& { return h.config_json; }),
    };
}

std::vector<key<handlers::handler_settings>> message_keys() {
    return {
        of_entry(
            {.name = "types",
             .kind = value_kind::texts,
             .most = 1'000,
             .description = "The message types that it serves. `[]`: none; it is reached by `sendHandler` only.",
             .computed = "one, the handler's name"},
            [](auto& h) -> auto& { return h.types; }),
        of_entry(
            {.name = "idempotent",
             .kind = value_kind::boolean,
             .description = "A message may be given to a second instance when the first is lost with it."},
            [](auto& h) -> auto& { return h.idempotent; }),
        of_entry(
            {.name = "deadline",
             .kind = value_kind::duration,
             .least = 1,
             .most = 24 * hour,
             .description = "Time to answer a message; then its sender is told `handler_timeout`."},
            [](auto& h) -> auto& { return h.deadline; }),
        of_entry(
            {.name = "deadlines",
             .kind = value_kind::duration_map,
             .least = 1,
             .most = 24 * hour,
             .description = "Another deadline for some types, e.g. `{\"report\": \"1m\"}`."},
            [](auto& h) -> auto& { return h.deadlines; }),
        of_entry(
            {.name = "groups",
             .kind = value_kind::text,
             .least = 1,
             .description = "The handler whose groups this one uses: its `join`, `leave`, `sendGroup`, `listGroup` "
                            "and `groups` events are about them. For example, a source sends to the sessions that "
                            "joined at another handler.",
             .computed = "its own"},
            [](auto& h) -> auto& { return h.groups; }),
        of_entry(
            {.name = "window",
             .kind = value_kind::count,
             .least = 1,
             .most = handlers::most_window,
             .description = "Unanswered messages of one instance (one-shot: open connections). Each shard has an "
                            "equal part of it, rounded up."},
            [](auto& h) -> auto& { return h.window; }),
        of_entry(
            {.name = "waiting",
             .kind = value_kind::count,
             .most = 10'000'000,
             .description = "Messages that wait for a place in the window or for an instance. When there are more, the "
                            "sender that has the most of them is told `busy`. Each shard has an equal part of it, "
                            "rounded up."},
            [](auto& h) -> auto& { return h.waiting; }),
        of_entry(
            {.name = "waiting_bytes",
             .kind = value_kind::size,
             .least = kibi,
             .most = 64 * gibi,
             .description =
                 "Data of the messages that wait. When it is more, the sender whose messages take the most is "
                 "told `busy`. Each shard has an equal part of it, rounded up; one message may always wait."},
            [](auto& h) -> auto& { return h.waiting_bytes; }),
        of_entry(
            {.name = "message_size",
             .kind = value_kind::size,
             .least = 4 * kibi,
             .most = gibi,
             .description = "Largest frame to or from the handler. A message's `data` has 1,024 bytes less, and less "
                            "what the roles and claims of the sender and the message's key take; larger data is "
                            "answered `too_large`."},
            [](auto& h) -> auto& { return h.message_size; }),
        of_entry(
            {.name = "recipients",
             .kind = value_kind::count,
             .least = 1,
             .most = 10'000'000,
             .description = "Most recipients of one command."},
            [](auto& h) -> auto& { return h.recipients; }),
        of_entry(
            {.name = "queue_bytes",
             .kind = value_kind::size,
             .least = kibi,
             .most = 64 * gibi,
             .description = "Output that may wait for an instance to read it; at least `message_size`. Messages take "
                            "half of it; what is left is for events and reports."},
            [](auto& h) -> auto& { return h.queue_bytes; }),
    };
}

std::vector<key<handlers::handler_settings>> right_keys() {
    return {
        of_entry(
            {.name = "may.commands",
             .kind = value_kind::texts,
             .most = 100,
             .description = "Commands that the process may give; patterns, in which `*` stands for any text. "
                            "Everything else is refused with `command_forbidden`, and counted."},
            [](auto& h) -> auto& { return h.may.commands; }),
        of_entry(
            {.name = "may.users",
             .kind = value_kind::texts,
             .most = 10'000,
             .description = "Recipients that commands may name: patterns for `tina`, `tina@b`, `*` (everybody, "
                            "and any session by its id; the sender's own session is always allowed)."},
            [](auto& h) -> auto& { return h.may.users; }),
        of_entry(
            {.name = "may.groups", .kind = value_kind::texts, .most = 10'000, .description = "Groups, as patterns."},
            [](auto& h) -> auto& { return h.may.groups; }),
        of_entry(
            {.name = "may.handlers",
             .kind = value_kind::texts,
             .most = 10'000,
             .description = "Handlers that `sendHandler` may go on with, as patterns."},
            [](auto& h) -> auto& { return h.may.handlers; }),
        of_entry(
            {.name = "may.servers",
             .kind = value_kind::texts,
             .most = 10'000,
             .description = "Other servers, as patterns; which types go there is said in `peers`, too."},
            [](auto& h) -> auto& { return h.may.servers; }),
        of_entry(
            {.name = "may.rate",
             .kind = value_kind::count,
             .most = 100'000'000,
             .description = "Commands a second of one instance, with a second's worth at once; then `rate_limited`. "
                            "0: no limit."},
            [](auto& h) -> auto& { return h.may.rate; }),
    };
}

std::vector<key<handlers::handler_settings>> restart_keys() {
    return {
        of_entry(
            {.name = "restart.initial_delay",
             .kind = value_kind::duration,
             .least = 1,
             .most = hour,
             .description =
                 "Pause before the first restart; it doubles, with jitter. After a crash of an instance that "
                 "served, it is at most as long as that lived."},
            [](auto& h) -> auto& { return h.restart.initial_delay; }),
        of_entry(
            {.name = "restart.longest_delay",
             .kind = value_kind::duration,
             .least = 1,
             .most = 24 * hour,
             .description = "The pause does not grow beyond this."},
            [](auto& h) -> auto& { return h.restart.longest_delay; }),
        of_entry(
            {.name = "restart.failed_start",
             .kind = value_kind::duration,
             .most = hour,
             .description = "An exit within this time is a failed start."},
            [](auto& h) -> auto& { return h.restart.failed_start; }),
        of_entry(
            {.name = "restart.degraded_after",
             .kind = value_kind::count,
             .least = 1,
             .most = 1'000,
             .description = "So many failed starts, or so many crashes, within `degraded_window`, and it is shown as "
                            "degraded; it is still tried again."},
            [](auto& h) -> auto& { return h.restart.degraded_after; }),
        of_entry(
            {.name = "restart.degraded_window",
             .kind = value_kind::duration,
             .least = 1,
             .most = 24 * hour,
             .description = "See `degraded_after`."},
            [](auto& h) -> auto& { return h.restart.degraded_window; }),
    };
}

}  // namespace

const std::vector<key<handlers::handler_settings>>& handler_keys() {
    static const std::vector<key<handlers::handler_settings>> all = [] {
        auto keys = process_keys();
        for (auto& more : {message_keys(), right_keys(), restart_keys()}) {
            keys.insert(keys.end(), more.begin(), more.end());
        }
        return keys;
    }();
    return all;
}

}  // namespace bester::config
