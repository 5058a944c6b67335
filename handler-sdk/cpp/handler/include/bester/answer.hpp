#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <utility>

#include <bester/command.hpp>
#include <bester/refusal.hpp>

namespace bester {

/// What a handler says to one message: commands (none is fine: "taken"), or a refusal, or both.
/// `return reply(…);`, `return {join("news"), reply("welcome")};`, `return {};`,
/// `return refuse("no_such_user", "gustav has moved");`. Owns all it says. Any thread; move-only.
class [[nodiscard]] answer {
public:
    answer() = default;
    template <std::derived_from<command>... More>
    answer(command first, More... more) {  // NOLINT: a command is an answer
        commands_.add(std::move(first));
        (commands_.add(std::move(more)), ...);
    }
    answer(commands list) : commands_{std::move(list.list())} {}  // NOLINT: so are several
    explicit answer(const refusal& why);

    answer& operator<<(command next) & { return commands_.add(std::move(next)), *this; }
    answer&& operator<<(command next) && { return commands_.add(std::move(next)), std::move(*this); }

    /// What it says, for tests of your own: `{"commands":[…]}` as in proto-docs/handler.md, with `error` if it refuses.
    nlohmann::json json() const;

    /// For the SDK: the parts of the answer.
    detail::command_list& list() noexcept { return commands_; }
    /// A JSON object; empty if nothing is refused.
    std::string_view error() const noexcept { return error_; }

private:
    detail::command_list commands_;
    std::string error_;
};

/// Refuses the message: the sender's status is bad with this code (1 to 64 of a-z, 0-9, '_'; else
/// std::invalid_argument is thrown) and reason. With `temporary` it may try again.
answer refuse(std::string code, const std::string& reason);
answer refuse(std::string code, const std::string& reason, temporary_tag);

}  // namespace bester
