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

namespace bester {

/// Data that is JSON text already and travels byte for byte, such as `message::raw()`. It is
/// copied by the call that it is given to. It must be valid JSON: the broker treats a handler that
/// sends nonsense as failed.
class raw_json {
public:
    // A template, so that braces given for JSON never mean this.
    template <class Text>
    requires std::convertible_to<const Text&, std::string_view>
    explicit raw_json(const Text& text) noexcept : text_{text} {}
    std::string_view text() const noexcept { return text_; }

private:
    std::string_view text_;
};

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
    template <std::ranges::input_range Names>
    requires(!std::convertible_to<const Names&, std::string_view> &&
             std::convertible_to<std::ranges::range_reference_t<const Names>, std::string_view>)
        name_list(const Names& names) {  // NOLINT
        for (const std::string_view name : names) add(name);
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

/// One thing that the broker shall do: made by the functions below and refined by chaining, e.g.
/// `send_clients("gustav", data).type("letter").report(…)`. Owns all it says. Any thread; move-only.
/// proto-docs/handler.md, "Commands".
class [[nodiscard]] command {
public:
    /// The message type that recipients see. Left out it is that of the message answered; a push
    /// must give it with every command that delivers.
    command type(std::string_view type) &&;
    /// The routing key of send_handler, at most 128 bytes; left out it is that of the message answered.
    command key(std::string_view key) &&;
    /// Sessions to leave out of send_clients and send_group.
    command except(const name_list& sessions) &&;
    /// Also sessions, for send_clients and disconnect.
    command sessions(const name_list& sessions) &&;
    /// Calls `done` once on the thread of `run()`, when the broker has executed the command or refused
    /// it, or the connection is lost. It is destroyed uncalled if the command is never sent (the push
    /// returned false, the answer came after the connection was lost) or the handler stops.
    command report(report_function done) &&;

private:
    friend class commands;
    friend struct command_writer;
    explicit command(std::string_view name);

    detail::pooled_text object_;  // the JSON object without its closing brace
    std::size_t report_at_ = 0;   // where the report's number goes
    report_function report_;
    bool is_reply_ = false;
};

/// Delivers to the session that sent the message. Not in a push.
command reply(const nlohmann::json& data);
command reply(raw_json data);
/// Delivers to every session of these users: `user`, `user@server`, or `*` for everybody.
command send_clients(const name_list& users, const nlohmann::json& data);
command send_clients(const name_list& users, raw_json data);
/// Delivers to these sessions.
command send_sessions(const name_list& sessions, const nlohmann::json& data);
command send_sessions(const name_list& sessions, raw_json data);
/// Delivers to every session of a group of this handler.
command send_group(std::string_view group, const nlohmann::json& data);
command send_group(std::string_view group, raw_json data);
/// Puts the sender (or these sessions) into a group, and takes them out.
command join(std::string_view group);
command join(std::string_view group, const name_list& sessions);
command leave(std::string_view group);
command leave(std::string_view group, const name_list& sessions);
/// Goes on with another handler, whose answer completes the message.
command send_handler(std::string_view handler, const nlohmann::json& data);
command send_handler(std::string_view handler, raw_json data);
/// Hands the data to the handler of the same type on these servers, or `*`.
command send_servers(const name_list& servers, const nlohmann::json& data);
command send_servers(const name_list& servers, raw_json data);
/// Closes every session of these users, and tells them the reason.
command disconnect(const name_list& users, std::string_view reason);
command disconnect_sessions(const name_list& sessions, std::string_view reason);

/// Commands in the order in which the broker executes them: `{join("news"), reply("welcome")}` or
/// one after the other with `<<`. Owns them. Any thread; move-only.
class commands {
public:
    commands() = default;
    template <std::same_as<command>... More>
    commands(command first, More... more) {  // NOLINT: a command is a list of one
        add(std::move(first));
        (add(std::move(more)), ...);
    }

    commands& operator<<(command next) & { return add(std::move(next)), *this; }
    commands&& operator<<(command next) && { return add(std::move(next)), std::move(*this); }

    bool empty() const noexcept { return list_.text().empty(); }
    /// Is there none besides `reply`?
    bool is_only_replies() const noexcept { return is_only_replies_; }

    /// For the SDK: the JSON objects with commas between. Where a report's number belongs is said by
    /// `reports`, in ascending order.
    struct wanted_report {
        std::size_t at = 0;
        report_function done;
    };
    std::string_view text() const noexcept { return list_.text(); }
    std::vector<wanted_report>& reports() noexcept { return reports_; }

private:
    void add(command next);

    detail::pooled_text list_;
    std::vector<wanted_report> reports_;
    bool is_only_replies_ = true;
};

}  // namespace bester
