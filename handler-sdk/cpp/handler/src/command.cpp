#include <bester/command.hpp>

#include "wire/json_text.hpp"

namespace bester {

namespace {

using json = nlohmann::json;

std::string text_of(const json& data) { return data.dump(-1, ' ', false, json::error_handler_t::replace); }

// How fields begin that more than one kind of command has.
constexpr std::string_view users_name = R"(,"users":[)";
constexpr std::string_view servers_name = R"(,"servers":[)";
constexpr std::string_view sessions_name = R"(,"sessions":[)";
constexpr std::string_view group_name = R"(,"group":)";
constexpr std::string_view reason_name = R"(,"reason":)";

}  // namespace

name_list::name_list(std::string_view name) { add(name); }

void name_list::add(std::string_view name) {
    if (!list_.text().empty()) list_.text() += ',';
    wire::append_quoted(list_.text(), name);
}

command::command(std::string_view begin) { object_.text() += begin; }

/// `name`: how the field begins in the object, if it is not there yet.
void command::write_string(place& where, std::string_view name, std::string_view value) {
    std::string& object = object_.text();
    if (where.is_there()) {
        std::string quoted;
        wire::append_quoted(quoted, value);
        return replace_end(where, where.begin, quoted);
    }
    object += name;
    where.begin = object.size();
    wire::append_quoted(object, value);
    where.end = object.size();
}

void command::add_names(place& where, std::string_view name, const name_list& names) {
    std::string& object = object_.text();
    if (where.is_there()) {
        if (names.text().empty()) return;
        return replace_end(where, where.end, where.begin == where.end ? names.text() : ',' + names.text());
    }
    object += name;
    where.begin = object.size();
    object += names.text();
    where.end = object.size();
    object += ']';
}

/// What stands from `from` to the end of the field becomes `by`; what stands behind the field moves.
void command::replace_end(place& where, std::size_t from, std::string_view by) {
    const std::size_t old_end = where.end;
    object_.text().replace(from, old_end - from, by);
    where.end = from + by.size();
    const auto move = [&](std::size_t& position) {
        if (position > old_end) position = position - old_end + where.end;
    };
    for (place* const other : {&type_, &key_, &except_, &sessions_}) {
        if (other == &where) continue;
        move(other->begin);
        move(other->end);
    }
    move(report_at_);
}

void command::set_type(std::string_view type) { write_string(type_, R"(,"type":)", type); }
void command::set_key(std::string_view key) { write_string(key_, R"(,"key":)", key); }
void command::add_except(const name_list& sessions) { add_names(except_, R"(,"except":[)", sessions); }
void command::add_sessions(const name_list& sessions) { add_names(sessions_, sessions_name, sessions); }

void command::ask_report(report_function done) {
    if (report_at_ == 0) object_.text() += R"(,"report":)";
    if (report_at_ == 0) report_at_ = object_.text().size();
    report_ = std::move(done);
}

/// What the functions below write their commands with.
struct command_writer {
    command made;

    /// `begin`: the object up to its first own field.
    explicit command_writer(std::string_view begin) : made{begin} {}

    command_writer&& list(std::string_view key, const name_list& names) && {
        command::place where;
        made.add_names(where, key, names);
        return std::move(*this);
    }
    command_writer&& sessions(const name_list& names) && {
        made.add_sessions(names);
        return std::move(*this);
    }
    command_writer&& string(std::string_view key, std::string_view value) && {
        made.object_.text() += key;
        wire::append_quoted(made.object_.text(), value);
        return std::move(*this);
    }
    command_writer&& with(raw_json data) && {
        made.object_.text() += R"(,"data":)";
        made.object_.text() += data.text();
        return std::move(*this);
    }
    command_writer&& reply() && {
        made.is_reply_ = true;
        return std::move(*this);
    }
    template <class Kind>
    Kind as() && {
        return Kind{std::move(made)};
    }
};

reply_command reply(const json& data) { return reply(raw_json{text_of(data)}); }
reply_command reply(raw_json data) {
    return command_writer{R"({"command":"reply")"}.reply().with(data).as<reply_command>();
}

client_delivery send_clients(const name_list& users, const json& data) {
    return send_clients(users, raw_json{text_of(data)});
}
client_delivery send_clients(const name_list& users, raw_json data) {
    return command_writer{R"({"command":"sendClients")"}.list(users_name, users).with(data).as<client_delivery>();
}

client_delivery send_sessions(const name_list& sessions, const json& data) {
    return send_sessions(sessions, raw_json{text_of(data)});
}
client_delivery send_sessions(const name_list& sessions, raw_json data) {
    return command_writer{R"({"command":"sendClients")"}.sessions(sessions).with(data).as<client_delivery>();
}

group_delivery send_group(std::string_view group, const json& data) {
    return send_group(group, raw_json{text_of(data)});
}
group_delivery send_group(std::string_view group, raw_json data) {
    return command_writer{R"({"command":"sendGroup")"}.string(group_name, group).with(data).as<group_delivery>();
}

sender_membership join(std::string_view group) {
    return command_writer{R"({"command":"join")"}.string(group_name, group).as<sender_membership>();
}
membership join(std::string_view group, const name_list& sessions) {
    return command_writer{R"({"command":"join")"}.string(group_name, group).sessions(sessions).as<membership>();
}
sender_membership leave(std::string_view group) {
    return command_writer{R"({"command":"leave")"}.string(group_name, group).as<sender_membership>();
}
membership leave(std::string_view group, const name_list& sessions) {
    return command_writer{R"({"command":"leave")"}.string(group_name, group).sessions(sessions).as<membership>();
}

handler_delivery send_handler(std::string_view handler, const json& data) {
    return send_handler(handler, raw_json{text_of(data)});
}
handler_delivery send_handler(std::string_view handler, raw_json data) {
    return command_writer{R"({"command":"sendHandler")"}
        .string(R"(,"handler":)", handler)
        .with(data)
        .as<handler_delivery>();
}

server_delivery send_servers(const name_list& servers, const json& data) {
    return send_servers(servers, raw_json{text_of(data)});
}
server_delivery send_servers(const name_list& servers, raw_json data) {
    return command_writer{R"({"command":"sendServers")"}.list(servers_name, servers).with(data).as<server_delivery>();
}

disconnection disconnect(const name_list& users, std::string_view reason) {
    return command_writer{R"({"command":"disconnect")"}
        .list(users_name, users)
        .string(reason_name, reason)
        .as<disconnection>();
}
disconnection disconnect_sessions(const name_list& sessions, std::string_view reason) {
    return command_writer{R"({"command":"disconnect")"}
        .sessions(sessions)
        .string(reason_name, reason)
        .as<disconnection>();
}

void detail::command_list::add(command next) {
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
