#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <bester/answer.hpp>
#include <bester/callback.hpp>
#include <bester/command.hpp>
#include <bester/handler_events.hpp>
#include <bester/message.hpp>
#include <bester/responder.hpp>

namespace bester {

namespace detail {
class runtime;
}

/// A function from message to answer, and one that is given the right to answer later.
using message_function = callback<answer(const message&)>;
using deferring_function = callback<void(const message&, responder)>;
template <class Value>
using query_function = callback<void(query_result<Value>)>;

enum class timer_id : std::uint64_t {};

/// One handler process: connects to the broker, gives each message to your function, sends what it
/// answers. Ten lines make a complete one:
///
///     bester::handler echo{"echo"};
///     echo.on_message([](const bester::message& m) { return bester::reply(m.raw()); });
///     return echo.run(argc, argv);
///
/// Threads: `run()` uses the calling thread and calls all your functions on it, one at a time.
/// `push`, `post`, `stop` and every `responder` may be used from any thread; all other functions
/// before `run()` or from within your functions.
/// Ownership: your functions are kept until the handler is destroyed; it must outlive the threads
/// that call it.
/// Errors: what your function throws is caught. A `refusal` refuses the message with its code;
/// anything else is logged to stderr and the sender is told `handler_exception`; the process lives on.
/// Giving a second function for the same (an event, or a type of messages) throws std::logic_error.
/// While `run()` runs, SIGTERM and SIGINT drain the handler (the second one ends it at once) and
/// SIGPIPE is ignored.
class handler {
public:
    /// `name`: which entry of the broker's config this is, when started by hand. Started by the
    /// broker, it is the entry's name (BESTER_HANDLER), whatever is given here.
    explicit handler(std::string name = {});
    ~handler();
    handler(handler&&) = delete;

    /// Called for messages of this type, or of all types that have no function of their own. The
    /// function takes `(const message&)` and returns an `answer` (or what converts to one), or takes
    /// `(const message&, responder)` and answers when it likes.
    template <class Function>
    void on_message(Function function) {
        on_message(std::string_view{}, std::move(function));
    }
    template <class Function>
    void on_message(std::string_view type, Function function) {
        if constexpr (std::is_invocable_v<Function&, const message&, responder>) {
            set_deferring_function(type, std::move(function));
        } else {
            static_assert(std::is_invocable_r_v<answer, Function&, const message&>,
                          "a message function is answer(const message&) or void(const message&, responder)");
            set_message_function(type, std::move(function));
        }
    }

    /// All channels are open, at the start and after each reconnection: here is your config. What it
    /// throws ends `run()` with exit code 4: a handler with a bad config shall not serve.
    void on_welcome(callback<void(const welcome&)> function);
    /// Asks the broker for the sessions of clients; `on_snapshot` comes first, once for each
    /// connection and before any message, then what changes.
    void on_snapshot(callback<void(const snapshot&)> function);
    void on_connected(callback<void(const client_session&)> function);
    void on_disconnected(callback<void(const client_session&)> function);
    /// While this instance replaces another one: that one put a session into a group of this handler, or took it out,
    /// after the snapshot. Applied to the snapshot they give who is in which group.
    void on_joined(callback<void(const client_session&, const std::string& group)> function);
    void on_left(callback<void(const client_session&, const std::string& group)> function);
    /// Asks the broker for linked servers, in the snapshot too.
    void on_peer_up(callback<void(const std::string& peer)> function);
    void on_peer_down(callback<void(const std::string& peer)> function);
    /// Asks the broker how many sessions the groups have that this handler uses: called for each that
    /// has any at the start, and then for each whose number has changed, with the new one (0: nobody is
    /// in it). Many changes at once are one call. After a reconnection: for those that differ.
    void on_groups(callback<void(const group_size&)> function);
    /// A command was not executed. Without a function of yours it is logged.
    void on_refused(callback<void(const refused_command&)> function);

    /// Commands are executed in the order in which you give them, across the broker's shards too.
    /// This gives that up for speed: order then holds for each sender's answers only.
    void unordered();

    /// Commands that answer nothing: those that say whom they are for, and their `type` if they deliver. False if they
    /// cannot be sent: there is no connection, more than 64 MiB wait to be sent, or they are larger than the broker
    /// takes. Any thread.
    [[nodiscard]] bool push(commands list);
    /// Calls `function` on the thread of `run()`, soon. Any thread.
    void post(callback<void()> function);
    /// Stops like SIGTERM: takes no new messages, answers those that are held, returns from `run()`. Any thread.
    void stop();

    /// Calls `function` after each `interval`, or once after `delay`, while `run()` runs.
    timer_id every(std::chrono::nanoseconds interval, callback<void()> function);
    timer_id after(std::chrono::nanoseconds delay, callback<void()> function);
    /// A timer may cancel itself. Unknown ones are ignored.
    void cancel(timer_id timer);

    /// Questions to the broker; the function is called with the result, or with `connection_lost`.
    void is_client(std::string_view user, query_function<client_presence> function);
    /// All users that are online, by name.
    void list_clients(query_function<std::vector<client_count>> function);
    void list_group(std::string_view group, query_function<std::vector<client_session>> function);
    void list_peers(query_function<std::vector<std::string>> function);
    void server_info(query_function<server_information> function);

    /// Serves until it is stopped. Returns the exit code for `main`:
    /// 0 stopped and drained, 1 the connection was lost (only when the broker started this process:
    /// it starts another; else it is made again), 2 no socket is known, 3 the broker refused this
    /// handler, 4 on_welcome threw. The socket is that of BESTER_SOCKET.
    int run();
    /// As above, with options of the command line: `--socket PATH` to attach to a broker by hand,
    /// `--handler NAME`, `--help`.
    int run(int argc, char** argv);

private:
    void set_message_function(std::string_view type, message_function function);
    void set_deferring_function(std::string_view type, deferring_function function);

    detail::runtime& loop() noexcept;

    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace bester
