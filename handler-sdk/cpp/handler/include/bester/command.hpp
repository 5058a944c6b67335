#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <bester/callback.hpp>
#include <bester/pooled_text.hpp>
#include <bester/raw_json.hpp>

namespace bester {

namespace detail {

class command_list;

inline constexpr unsigned type_field = 1;
inline constexpr unsigned key_field = 2;
inline constexpr unsigned except_field = 4;
inline constexpr unsigned sessions_field = 8;

}  // namespace detail

/// Names of users, sessions, groups or servers for a command: one string, `{"tina", "gustav"}`, or any range of
/// strings. Copies its arguments.
class name_list {
public:
    name_list(const char* name) : name_list{std::string_view{name}} {}         // NOLINT
    name_list(const std::string& name) : name_list{std::string_view{name}} {}  // NOLINT
    name_list(std::string_view name);                                          // NOLINT
    name_list(std::initializer_list<std::string_view> names) {
        for (const auto name : names) add(name);
    }
    // Views that filter can be walked through only if they are not const, and some make their strings as they go.
    template <std::ranges::input_range Names>
    requires(!std::convertible_to<Names, std::string_view> &&
             std::convertible_to<std::ranges::range_reference_t<Names>, std::string_view>)
        name_list(Names&& names) {  // NOLINT
        for (auto&& name : names) add(name);
    }

    /// The names as JSON strings, with commas between.
    const std::string& text() const noexcept { return list_.text(); }

private:
    void add(std::string_view name);

    detail::pooled_text list_;
};

/// What became of a command that asked for a report.
struct delivery_report {
    /// A recipient that was not reached, and why.
    struct failure {
        std::string recipient;
        std::string code;
    };
    std::uint64_t delivered = 0;  ///< sessions
    std::vector<failure> failed;  ///< at most 100
    bool has_more_failures = false;
    /// Not empty: nothing of the command was executed. The broker's code for the refusal, or
    /// `connection_lost`, or `too_many_reports` for the oldest when 100,000 are waited for.
    std::string code{};
    std::string reason{};

    bool was_refused() const noexcept { return !code.empty(); }
};
using report_function = callback<void(const delivery_report&)>;

/// One thing that the broker shall do: made by the functions below and refined by chaining, or step by step in a
/// variable, e.g. `send_clients("gustav", data).type("letter").report(…)`. Every command is one; what else can be said
/// of it depends on its kind, and what its kind does not have does not compile. Owns all it says. Any thread;
/// move-only. proto-docs/handler.md, "Commands".
class [[nodiscard]] command {
public:
    /// Calls `done` once on the thread of `run()`, when the broker has executed the command or refused
    /// it, or the connection is lost. It is destroyed uncalled if the command is never sent (the push
    /// returned false, the answer came after the connection was lost) or the handler stops. The last one given counts.
    command& report(report_function done) & { return ask_report(std::move(done)), *this; }
    command report(report_function done) && { return ask_report(std::move(done)), std::move(*this); }

protected:
    /// Where a field's value stands in the object.
    struct place {
        std::size_t begin = 0;
        std::size_t end = 0;
        bool is_there() const noexcept { return end != 0; }
    };

    void set_type(std::string_view type);
    void set_key(std::string_view key);
    void add_except(const name_list& sessions);
    void add_sessions(const name_list& sessions);
    void ask_report(report_function done);

private:
    friend class detail::command_list;
    friend struct command_writer;
    explicit command(std::string_view begin);
    void write_string(place& where, std::string_view name, std::string_view value);
    void add_names(place& where, std::string_view name, const name_list& names);
    void replace_end(place& where, std::size_t from, std::string_view by);

    detail::pooled_text object_;  // the JSON object without its closing brace
    place type_;
    place key_;
    place except_;
    place sessions_;
    std::size_t report_at_ = 0;  // where the report's number goes
    report_function report_;
    bool is_reply_ = false;
};

/// A command that makes sense unasked as well, so that it can be pushed: it says itself whom it is for, and its type
/// if it delivers something.
class [[nodiscard]] pushable_command : public command {
public:
    pushable_command& report(report_function done) & { return ask_report(std::move(done)), *this; }
    pushable_command report(report_function done) && { return ask_report(std::move(done)), std::move(*this); }

protected:
    explicit pushable_command(command made) : command{std::move(made)} {}
};

/// A command of a kind, with the fields that this kind has. `Base` says whether it can be pushed, `Typed` whether it
/// can once it was given a type in the same chain.
template <class Base, unsigned fields, class Typed = Base>
class [[nodiscard]] command_of : public Base {
public:
    /// The message type that recipients see; the last one given counts. Left out it is that of the message answered. A
    /// push must give it with every command that delivers: what has no type cannot be pushed.
    command_of& type(std::string_view type) & requires((fields & detail::type_field) != 0) {
        return this->set_type(type), *this;
    }
    command_of<Typed, fields> type(std::string_view type) && requires((fields & detail::type_field) != 0) {
        this->set_type(type);
        return command_of<Typed, fields>{static_cast<command&&>(*this)};
    }
    /// The routing key of send_handler, at most 128 bytes; the last one given counts. Left out it is that of the
    /// message answered.
    command_of& key(std::string_view key) & requires((fields & detail::key_field) != 0) {
        return this->set_key(key), *this;
    }
    command_of key(std::string_view key) && requires((fields & detail::key_field) != 0) {
        return this->set_key(key), std::move(*this);
    }
    /// Sessions to leave out, in addition to those given before.
    command_of& except(const name_list& sessions) & requires((fields & detail::except_field) != 0) {
        return this->add_except(sessions), *this;
    }
    command_of except(const name_list& sessions) && requires((fields & detail::except_field) != 0) {
        return this->add_except(sessions), std::move(*this);
    }
    /// Also these sessions, in addition to users and to sessions given before.
    command_of& sessions(const name_list& sessions) & requires((fields & detail::sessions_field) != 0) {
        return this->add_sessions(sessions), *this;
    }
    command_of sessions(const name_list& sessions) && requires((fields & detail::sessions_field) != 0) {
        return this->add_sessions(sessions), std::move(*this);
    }
    /// As for every command.
    command_of& report(report_function done) & { return this->ask_report(std::move(done)), *this; }
    command_of report(report_function done) && { return this->ask_report(std::move(done)), std::move(*this); }

private:
    template <class, unsigned, class>
    friend class command_of;
    friend struct command_writer;
    explicit command_of(command made) : Base{std::move(made)} {}
};

using reply_command = command_of<command, detail::type_field>;
using client_delivery =
    command_of<command, detail::type_field | detail::except_field | detail::sessions_field, pushable_command>;
using group_delivery = command_of<command, detail::type_field | detail::except_field, pushable_command>;
using handler_delivery = command_of<command, detail::type_field | detail::key_field, pushable_command>;
using server_delivery = command_of<command, detail::type_field, pushable_command>;
using sender_membership = command_of<command, 0>;
using membership = command_of<pushable_command, 0>;
using disconnection = command_of<pushable_command, detail::sessions_field>;

/// Delivers to the session that sent the message. Not in a push.
reply_command reply(const nlohmann::json& data);
reply_command reply(raw_json data);
/// Delivers to every session of these users: `user`, `user@server`, or `*` for everybody.
client_delivery send_clients(const name_list& users, const nlohmann::json& data);
client_delivery send_clients(const name_list& users, raw_json data);
/// Delivers to these sessions.
client_delivery send_sessions(const name_list& sessions, const nlohmann::json& data);
client_delivery send_sessions(const name_list& sessions, raw_json data);
/// Delivers to every session of a group of this handler.
group_delivery send_group(std::string_view group, const nlohmann::json& data);
group_delivery send_group(std::string_view group, raw_json data);
/// Puts the sender (or these sessions) into a group, and takes them out. Not in a push without sessions.
sender_membership join(std::string_view group);
membership join(std::string_view group, const name_list& sessions);
sender_membership leave(std::string_view group);
membership leave(std::string_view group, const name_list& sessions);
/// Goes on with another handler, whose answer completes the message.
handler_delivery send_handler(std::string_view handler, const nlohmann::json& data);
handler_delivery send_handler(std::string_view handler, raw_json data);
/// Hands the data to the handler of the same type on these servers, or `*`.
server_delivery send_servers(const name_list& servers, const nlohmann::json& data);
server_delivery send_servers(const name_list& servers, raw_json data);
/// Closes every session of these users, and tells them the reason.
disconnection disconnect(const name_list& users, std::string_view reason);
disconnection disconnect_sessions(const name_list& sessions, std::string_view reason);

namespace detail {

/// Commands, written one after the other. For the SDK.
class command_list {
public:
    /// Where a report's number belongs.
    struct wanted_report {
        std::size_t at = 0;
        report_function done;
    };

    void add(command next);
    bool empty() const noexcept { return list_.text().empty(); }
    /// Is there none besides `reply`?
    bool is_only_replies() const noexcept { return is_only_replies_; }
    /// The JSON objects with commas between, without the numbers of reports.
    std::string_view text() const noexcept { return list_.text(); }
    nlohmann::json json() const { return nlohmann::json::parse('[' + std::string{text()} + ']'); }
    /// In ascending order.
    std::vector<wanted_report>& reports() noexcept { return reports_; }

private:
    pooled_text list_;
    std::vector<wanted_report> reports_;
    bool is_only_replies_ = true;
};

}  // namespace detail

/// Commands to push, in the order in which the broker executes them: `{join("news", session), send_group(…).type(…)}`
/// or one after the other with `<<`. An answer takes them as well. Owns them. Any thread; move-only.
class commands {
public:
    commands() = default;
    template <std::derived_from<pushable_command>... More>
    commands(pushable_command first, More... more) {  // NOLINT: a command is a list of one
        list_.add(std::move(first));
        (list_.add(std::move(more)), ...);
    }

    commands& operator<<(pushable_command next) & { return list_.add(std::move(next)), *this; }
    commands&& operator<<(pushable_command next) && { return list_.add(std::move(next)), std::move(*this); }

    bool empty() const noexcept { return list_.empty(); }
    /// The commands as an array, as in proto-docs/handler.md, for tests of your own.
    nlohmann::json json() const { return list_.json(); }
    /// For the SDK.
    detail::command_list& list() noexcept { return list_; }

private:
    detail::command_list list_;
};

}  // namespace bester
