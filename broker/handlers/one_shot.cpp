#include "handlers/one_shot.hpp"

#include "wire/json_reader.hpp"

#include <array>
#include <utility>

namespace bester::handlers {

namespace {

constexpr std::size_t shown_status_size = 64;

tl::unexpected<one_shot_failure> failed(std::string reason) {
    return tl::unexpected(one_shot_failure{wire::error_code::handler_failed, std::move(reason)});
}

struct raw_answer {
    std::string status;
    bool has_status = false;
    std::string type;
    std::vector<std::string> targets;
    bool targets_understood = false;
    std::string data = "null";
};

bool read_targets(wire::json_reader& reader, raw_answer& answer) {
    std::string_view text;
    answer.targets_understood = true;
    if (reader.peek() == '"') {
        if (!reader.string(text)) return false;
        answer.targets.emplace_back(text);
        return true;
    }
    if (reader.peek() != '[') {
        answer.targets_understood = false;
        return reader.skip();
    }
    return reader.array([&] {
        if (reader.peek() != '"') {
            answer.targets_understood = false;
            return reader.skip();
        }
        if (!reader.string(text)) return false;
        answer.targets.emplace_back(text);
        return true;
    });
}

bool read_command(wire::json_reader& reader, raw_answer& answer) {
    if (reader.peek() != '{') return reader.skip();
    return reader.object([&](std::string_view key) {
        if (key == "data") return read_targets(reader, answer);
        if (key != "type" || reader.peek() != '"') return reader.skip();
        std::string_view text;
        if (!reader.string(text)) return false;
        answer.type = text;
        return true;
    });
}

bool read_header(wire::json_reader& reader, raw_answer& answer) {
    if (reader.peek() != '{') return reader.skip();
    return reader.object([&](std::string_view key) {
        if (key == "command") return read_command(reader, answer);
        if (key != "status" || reader.peek() != '"') return reader.skip();
        std::string_view text;
        if (!reader.string(text)) return false;
        answer.status = text;
        answer.has_status = true;
        return true;
    });
}

bool read_answer(wire::json_reader& reader, raw_answer& answer) {
    return reader.object([&](std::string_view key) {
        if (key == "header") return read_header(reader, answer);
        if (key != "data") return reader.skip();
        std::string_view raw;
        if (!reader.value(raw)) return false;
        answer.data = raw;
        return true;
    }) && reader.at_end();
}

}  // namespace

one_shot_result decode_one_shot_answer(std::string_view json) {
    std::string padded(json);
    padded.append(wire::json_padding, '\0');
    wire::json_reader reader;
    raw_answer raw;
    if (!reader.start(std::string_view(padded).substr(0, json.size())) || !read_answer(reader, raw))
        return failed("the handler's answer is not a JSON object");
    if (!raw.has_status) return failed("the handler's answer has no header.status (a string)");
    if (raw.status != "0")
        return tl::unexpected(
            one_shot_failure{wire::error_code::handler_refused,
                             "the handler answered with status '" +
                                 (raw.status.size() <= shown_status_size ? raw.status : "(a long text)") + "'"});

    static constexpr std::array<std::pair<std::string_view, one_shot_command>, 3> commands{{
        {"sendClients", one_shot_command::send_clients},
        {"sendServers", one_shot_command::send_servers},
        {"sendHandler", one_shot_command::send_handler},
    }};
    for (const auto& [name, command] : commands) {
        if (raw.type != name) continue;
        if (!raw.targets_understood)
            return failed("the handler's answer has no header.command.data (an array of strings)");
        if (command == one_shot_command::send_handler && raw.targets.size() != 1)
            return failed("the handler's answer must name exactly one handler for sendHandler");
        one_shot_answer answer;
        answer.command = command;
        answer.recipients = std::move(raw.targets);
        answer.data = std::move(raw.data);
        return answer;
    }
    return failed(
        "the handler's answer has no header.command.type that bester knows "
        "(sendClients, sendServers, sendHandler)");
}

}  // namespace bester::handlers
