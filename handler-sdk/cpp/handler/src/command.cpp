#include <bester/command.hpp>

#include "wire/json_text.hpp"

namespace bester {

namespace {

using json = nlohmann::json;

std::string text_of(const json& data) { return data.dump(-1, ' ', false, json::error_handler_t::replace); }

void append_list(std::string& object, std::string_view key, const name_list& names) {
    object += key;
    object += '[';
    object += names.text();
    object += ']';
}

}  // namespace

name_list::name_list(std::string_view name) { add(name); }

void name_list::add(std::string_view name) {
    if (!list_.text().empty()) list_.text() += ',';
    wire::append_quoted(list_.text(), name);
}

command::command(std::string_view name) { object_.text() += name; }

/// What the functions below write their commands with.
struct command_writer {
    command made;

    /// `begin`: the object up to its first own field.
    explicit command_writer(std::string_view begin) : made{begin} {}

    command_writer&& list(std::string_view key, const name_list& names) && {
        append_list(made.object_.text(), key, names);
        return std::move(*this);
    }
    command_writer&& string(std::string_view key, std::string_view value) && {
        made.object_.text() += key;
        wire::append_quoted(made.object_.text(), value);
        return std::move(*this);
    }
    command with(std::string_view data) && {
        made.object_.text() += R"(,"data":)";
        made.object_.text() += data;
        return std::move(made);
    }
    command as_reply(std::string_view data) && {
        made.is_reply_ = true;
        return std::move(*this).with(data);
    }
};

command command::type(std::string_view type) && {
    object_.text() += R"(,"type":)";
    wire::append_quoted(object_.text(), type);
    return std::move(*this);
}

command command::key(std::string_view key) && {
    object_.text() += R"(,"key":)";
    wire::append_quoted(object_.text(), key);
    return std::move(*this);
}

command command::except(const name_list& sessions) && {
    append_list(object_.text(), R"(,"except":)", sessions);
    return std::move(*this);
}

command command::sessions(const name_list& sessions) && {
    append_list(object_.text(), R"(,"sessions":)", sessions);
    return std::move(*this);
}

command command::report(report_function done) && {
    if (report_at_ == 0) object_.text() += R"(,"report":)";
    if (report_at_ == 0) report_at_ = object_.text().size();
    report_ = std::move(done);
    return std::move(*this);
}

command reply(const json& data) { return reply(raw_json{text_of(data)}); }
command reply(raw_json data) { return command_writer{R"({"command":"reply")"}.as_reply(data.text()); }

command send_clients(const name_list& users, const json& data) { return send_clients(users, raw_json{text_of(data)}); }
command send_clients(const name_list& users, raw_json data) {
    return command_writer{R"({"command":"sendClients")"}.list(R"(,"users":)", users).with(data.text());
}

command send_sessions(const name_list& sessions, const json& data) {
    return send_sessions(sessions, raw_json{text_of(data)});
}
command send_sessions(const name_list& sessions, raw_json data) {
    return command_writer{R"({"command":"sendClients")"}.list(R"(,"sessions":)", sessions).with(data.text());
}

command send_group(std::string_view group, const json& data) { return send_group(group, raw_json{text_of(data)}); }
command send_group(std::string_view group, raw_json data) {
    return command_writer{R"({"command":"sendGroup")"}.string(R"(,"group":)", group).with(data.text());
}

command join(std::string_view group) {
    return command_writer{R"({"command":"join")"}.string(R"(,"group":)", group).made;
}
command join(std::string_view group, const name_list& sessions) { return join(group).sessions(sessions); }
command leave(std::string_view group) {
    return command_writer{R"({"command":"leave")"}.string(R"(,"group":)", group).made;
}
command leave(std::string_view group, const name_list& sessions) { return leave(group).sessions(sessions); }

command send_handler(std::string_view handler, const json& data) {
    return send_handler(handler, raw_json{text_of(data)});
}
command send_handler(std::string_view handler, raw_json data) {
    return command_writer{R"({"command":"sendHandler")"}.string(R"(,"handler":)", handler).with(data.text());
}

command send_servers(const name_list& servers, const json& data) {
    return send_servers(servers, raw_json{text_of(data)});
}
command send_servers(const name_list& servers, raw_json data) {
    return command_writer{R"({"command":"sendServers")"}.list(R"(,"servers":)", servers).with(data.text());
}

command disconnect(const name_list& users, std::string_view reason) {
    return command_writer{R"({"command":"disconnect")"}
        .list(R"(,"users":)", users)
        .string(R"(,"reason":)", reason)
        .made;
}
command disconnect_sessions(const name_list& sessions, std::string_view reason) {
    return command_writer{R"({"command":"disconnect")"}
        .list(R"(,"sessions":)", sessions)
        .string(R"(,"reason":)", reason)
        .made;
}

void commands::add(command next) {
    if (!next.is_reply_) is_only_replies_ = false;
    const bool is_first = list_.text().empty();
    const std::size_t begin = is_first ? 0 : list_.text().size() + 1;
    if (next.report_at_ != 0) reports_.push_back({begin + next.report_at_, std::move(next.report_)});
    if (is_first) {
        list_ = std::move(next.object_);
    } else {
        list_.text() += ',';
        list_.text() += next.object_.text();
    }
    list_.text() += '}';
}

}  // namespace bester
