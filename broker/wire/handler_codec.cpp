#include "wire/handler_codec.hpp"

#include <charconv>
#include <cstring>

#include "wire/client_codec.hpp"
#include "wire/excerpt.hpp"
#include "wire/json_reader.hpp"
#include "wire/json_text.hpp"
#include "wire/names.hpp"
#include "wire/text_output.hpp"

namespace bester::wire {

namespace {

command_kind command_of(std::string_view name) noexcept {
    std::size_t kind = 0;
    while (kind < static_cast<std::size_t>(command_kind::unknown) && command_table[kind].name != name) ++kind;
    return static_cast<command_kind>(kind);
}

bool has_needed_fields(const command& c) noexcept {
    const command_facts& facts = facts_of(c.kind);
    const bool needs_recipients =
        facts.recipients == command_recipients::people || facts.recipients == command_recipients::servers;
    if (needs_recipients && !c.has_targets) return false;
    if (facts.target == command_target::group) return is_name(c.target);
    return facts.target == command_target::none || !c.target.empty();
}

/// Reads one command of a frame; returns false only if the JSON itself is wrong.
struct command_decoder {
    json_reader& reader;
    handler_frame& frame;
    command decoded{};
    std::string_view group{};
    std::string_view handler{};
    bool has_users = false;
    bool has_sessions = false;
    bool has_servers = false;
    bool has_bad_key = false;

    bool text(std::string_view& value) {
        if (reader.peek() == '"') return reader.string(value);
        decoded.is_malformed = true;
        return reader.skip();
    }

    bool strings(string_range& range) {
        if (reader.peek() != '[') {
            decoded.is_malformed = true;
            return reader.skip();
        }
        range.begin = static_cast<std::uint32_t>(frame.strings.size());
        const bool well_formed = reader.array([&] {
            std::string_view value;
            if (!text(value)) return false;
            frame.strings.push_back(value);
            return true;
        });
        range.count = static_cast<std::uint32_t>(frame.strings.size()) - range.begin;
        return well_formed;
    }

    bool targets(string_range& range, bool& is_given) {
        is_given = true;
        return strings(range);
    }

    /// Fields of other commands are unknown to this one, and ignored.
    void keep_own_fields() noexcept {
        const command_facts& facts = facts_of(decoded.kind);
        switch (facts.recipients) {
            case command_recipients::none: break;
            case command_recipients::people: decoded.has_targets = has_users || has_sessions; break;
            case command_recipients::sessions: decoded.has_targets = has_sessions; break;
            case command_recipients::servers: decoded.has_targets = has_servers; break;
        }
        switch (facts.target) {
            case command_target::none: break;
            case command_target::group: decoded.target = group; break;
            case command_target::handler:
                decoded.target = handler;
                decoded.is_malformed = decoded.is_malformed || has_bad_key;
                break;
        }
    }

    bool type() {
        if (reader.peek() != '"') {
            decoded.is_malformed = true;
            return reader.skip();
        }
        std::string_view unquoted;
        if (!reader.raw_string(decoded.type_token) || !reader.unquote(decoded.type_token, unquoted)) return false;
        if (!is_type(unquoted)) decoded.is_malformed = true;
        return true;
    }

    bool key() {
        std::string_view unquoted;
        if (reader.peek() != '"') {
            has_bad_key = true;
            return reader.skip();
        }
        if (!reader.raw_string(decoded.key_token) || !reader.unquote(decoded.key_token, unquoted)) return false;
        has_bad_key = unquoted.size() > max_key_size;
        decoded.key_hash = key_hash(unquoted);
        return true;
    }

    bool report() {
        const char first = reader.peek();
        if (!reader.value(decoded.report)) return false;
        // Only integers are allowed as numbers: they are returned unchanged, and many programs would change 1.5 or 1e3.
        const bool is_tag = first == '"' || decoded.report.find_first_not_of("-0123456789") == std::string_view::npos;
        if (is_tag && decoded.report.size() <= max_id_size + 2) return true;
        decoded.report = {};  // the refusal does not mention it either
        decoded.is_malformed = true;
        return true;
    }

    bool field(std::string_view key) {
        if (key == "data") return reader.value(decoded.data);
        if (key == "command") return text(decoded.name);
        if (key == "type") return type();
        if (key == "key") return this->key();
        if (key == "users") return targets(decoded.users, has_users);
        if (key == "sessions") return targets(decoded.sessions, has_sessions);
        if (key == "servers") return targets(decoded.servers, has_servers);
        if (key == "except") return strings(decoded.except);
        if (key == "group") return text(group);
        if (key == "handler") return text(handler);
        if (key == "reason") return text(decoded.reason);
        if (key == "report") return report();
        return reader.skip();
    }

    bool decode() {
        decoded.data = "null";
        if (reader.peek() != '{') {
            decoded.is_malformed = true;
            frame.commands.push_back(decoded);
            return reader.skip();
        }
        if (!reader.object([&](std::string_view key) { return field(key); })) return false;
        decoded.kind = command_of(decoded.name);
        keep_own_fields();
        if (!has_needed_fields(decoded)) decoded.is_malformed = true;
        frame.commands.push_back(decoded);
        return true;
    }
};

bool decode_after(json_reader& reader, handler_frame& frame) {
    if (reader.peek() == '"') return reader.string(frame.after_user);  // listClients' page
    return reader.object([&](std::string_view key) {
        after_entry entry;
        const auto end = std::from_chars(key.data(), key.data() + key.size(), entry.shard);
        if (end.ec != std::errc{} || end.ptr != key.data() + key.size()) return false;
        if (!reader.integer(entry.count)) return false;
        frame.after.push_back(entry);
        return true;
    });
}

bool decode_error(json_reader& reader, handler_frame& frame) {
    if (reader.peek() == 'n') return reader.skip();
    frame.has_error = true;
    return reader.object([&](std::string_view key) {
        if (key == "code") return reader.string(frame.error_code);
        if (key == "reason") return reader.string(frame.error_reason);
        if (key == "temporary") return reader.boolean(frame.error_is_temporary);
        return reader.skip();
    });
}

constexpr std::string_view message_begin = R"({"kind":"message","id":)";
constexpr std::string_view message_type = R"(,"type":)";
constexpr std::string_view message_key = R"(,"key":)";
constexpr std::string_view message_time = R"(,"time":)";
constexpr std::string_view message_deadline = R"(,"deadline":)";
constexpr std::string_view message_user = R"(,"from":{"user":")";
constexpr std::string_view message_handler = R"(,"from":{"handler":")";
constexpr std::string_view message_session = R"(","session":")";
constexpr std::string_view message_server = R"(","server":")";
constexpr std::string_view message_origin_end = R"(")";
constexpr std::string_view message_request = R"(,"request":true)";
constexpr std::string_view message_data = R"(,"data":)";
constexpr std::size_t fixed_size = frame_header_size + message_begin.size() + message_type.size() + message_key.size() +
                                   message_time.size() + message_deadline.size() + message_handler.size() +
                                   message_session.size() + message_server.size() + message_origin_end.size() +
                                   message_request.size() + message_data.size() + 3 * most_digits + 2;

char* write_number(char* out, std::uint64_t number) noexcept {
    return std::to_chars(out, out + most_digits, number).ptr;
}

constexpr std::string_view problem_text = "a string that does not end, or with a control character in it";
constexpr std::string_view problem_json = "no JSON as expected";

bool refuse_frame(handler_frame& frame, std::string_view problem) noexcept {
    frame.problem = problem;
    return false;
}

}  // namespace

void handler_frame::clear() noexcept {
    kind = handler_frame_kind::unknown;
    has_id = has_error = error_is_temporary = false;
    id = limit = 0;
    problem = error_code = error_reason = query = user = after_user = group = {};
    commands.clear();
    strings.clear();
    after.clear();
}

bool decode_handler_frame(json_reader& reader, std::string_view body, handler_frame& frame) {
    frame.clear();
    std::string_view kind;
    if (!reader.start(body)) return refuse_frame(frame, problem_text);
    const bool well_formed = reader.object([&](std::string_view key) {
        if (key == "kind") return reader.string(kind);
        if (key == "id") return frame.has_id = true, reader.integer(frame.id);
        if (key == "commands") return reader.array([&] { return command_decoder{reader, frame}.decode(); });
        if (key == "error") return decode_error(reader, frame);
        if (key == "after") return decode_after(reader, frame);
        if (key == "query") return reader.string(frame.query);
        if (key == "user") return reader.string(frame.user);
        if (key == "group") return reader.string(frame.group);
        if (key == "limit") return reader.integer(frame.limit);
        return reader.skip();
    }) && reader.at_end();
    reader.give_text(frame.text);
    if (!well_formed) return refuse_frame(frame, problem_json);
    if (kind == "answer") frame.kind = handler_frame_kind::answer;
    else if (kind == "push") frame.kind = handler_frame_kind::push;
    else if (kind == "query") frame.kind = handler_frame_kind::query;
    else if (kind == "draining") frame.kind = handler_frame_kind::draining;
    else if (kind == "pong") frame.kind = handler_frame_kind::pong;
    else if (kind == "ready") frame.kind = handler_frame_kind::ready;
    else return refuse_frame(frame, "there is no such `kind`");
    const bool needs_id = frame.kind == handler_frame_kind::answer || frame.kind == handler_frame_kind::query;
    if (needs_id && !frame.has_id) return refuse_frame(frame, "`id` is missing");
    if (frame.has_error && !is_error_code(frame.error_code))
        return refuse_frame(frame, "`error` has no `code` of 1 to 64 of a-z, 0-9, _");
    return true;
}

std::string describe_problem(const json_reader& reader, std::string_view body, const handler_frame& frame) {
    std::string text{frame.problem};
    std::size_t at = 0;
    if (frame.problem == problem_text) {
        at = first_invalid_utf8(body);
        if (at == std::string_view::npos) at = 0;
        else text = "no UTF-8";
    } else if (frame.problem == problem_json) {
        at = reader.here();
    }
    if (at > 0) text += " at byte " + std::to_string(at);
    return text + " (" + std::to_string(body.size()) + " bytes): " + excerpt(body, at);
}

std::size_t handler_message_size(const handler_message& message) noexcept {
    return fixed_size + message.type_token.size() + message.key_token.size() + message.data.size() +
           message.origin.user.size() + message.origin.session.size() + message.origin.server.size() +
           message.origin.about.size();
}

char* write_handler_message(char* out, const handler_message& message) noexcept {
    char* const begin = out;
    out = copy(out + frame_header_size, message_begin);
    out = write_number(out, message.id);
    out = copy(out, message_type);
    out = copy(out, message.type_token);
    if (!message.key_token.empty()) {
        out = copy(out, message_key);
        out = copy(out, message.key_token);
    }
    out = copy(out, message_time);
    out = write_number(out, message.time_ms);
    if (message.has_deadline) {
        out = copy(out, message_deadline);
        out = write_number(out, message.deadline_ms);
    }
    if (message.origin.session.empty()) {
        out = copy(out, message_handler);
        out = copy(out, message.origin.user);
    } else {
        out = copy(out, message_user);
        out = copy(out, message.origin.user);
        out = copy(out, message_session);
        out = copy(out, message.origin.session);
    }
    out = copy(out, message_server);
    out = copy(out, message.origin.server);
    out = copy(out, message_origin_end);
    if (!message.origin.about.empty()) out = copy(out, message.origin.about);
    *out++ = '}';
    if (message.is_request) out = copy(out, message_request);
    out = copy(out, message_data);
    out = copy(out, message.data);
    *out++ = '}';
    write_frame_length(begin, static_cast<std::size_t>(out - begin) - frame_header_size);
    return out;
}

std::string refused_frame(const std::uint64_t* id, std::size_t index, error_code code, std::string_view reason,
                          std::string_view report) {
    std::string body = R"({"kind":"refused")";
    if (id) body += R"(,"id":)" + std::to_string(*id);
    body += R"(,"index":)" + std::to_string(index) + R"(,"code":)";
    append_quoted(body, describe(code).text);
    body += R"(,"reason":)";
    append_quoted(body, reason);
    if (!report.empty()) body.append(R"(,"report":)").append(report);
    body += '}';
    return make_frame(body);
}

}  // namespace bester::wire
