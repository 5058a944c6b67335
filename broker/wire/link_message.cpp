#include "wire/link_message.hpp"

#include <algorithm>

#include "wire/json_reader.hpp"
#include "wire/link_bytes.hpp"
#include "wire/names.hpp"

namespace bester::wire {

namespace {

enum operation : std::uint8_t { deliver = 1, submit = 2, reply = 3, result = 4, nothing = 5 };

constexpr std::uint8_t everybody_flag = 1;
constexpr std::size_t budget_offset = 1 + 8;
/// A type of 64 bytes, each as an escape, with its quotes.
constexpr std::size_t max_type_token = 6 * max_type_size + 2;

/// A user here, or "user@server".
bool is_address(std::string_view text) noexcept {
    const std::size_t at = text.find('@');
    return is_user_name(text.substr(0, at)) && (at == text.npos || is_name(text.substr(at + 1)));
}

/// It goes into JSON as it is.
bool is_session_text(std::string_view text) noexcept {
    return text.size() <= 0xff &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\'; });
}

bool is_token(std::string_view text, std::size_t limit) noexcept {
    return text.size() >= 2 && text.size() <= limit && text.front() == '"' && text.back() == '"';
}
bool is_type_token(std::string_view text) noexcept { return text.size() > 2 && is_token(text, max_type_token); }
bool is_id_token(std::string_view text) noexcept { return text.empty() || is_token(text, max_id_size + 2); }

std::string_view cut_reason(std::string_view reason) noexcept {
    if (reason.size() <= max_reason_size) return reason;
    std::size_t size = max_reason_size;
    while (size > 0 && (static_cast<unsigned char>(reason[size]) & 0xc0) == 0x80) --size;  // not within a character
    return reason.substr(0, size);
}

/// What the fields of a message must be, read or about to be written.
struct message_check {
    link_error operator()(const deliver_message& m) const noexcept {
        if (!is_type_token(m.type_token)) return link_error::bad_token;
        if (!m.sender.empty() && !is_address(m.sender)) return link_error::bad_name;
        if (m.users.size() > max_link_users) return link_error::too_many_users;
        if (m.is_for_everybody != m.users.empty()) return link_error::bad_number;
        for (const std::string_view user : m.users)
            if (!is_user_name(user)) return link_error::bad_name;
        return m.data.empty() ? link_error::bad_data : link_error::none;
    }
    link_error operator()(const submit_message& m) const noexcept {
        if (!is_type_token(m.type_token) || !is_id_token(m.id_token)) return link_error::bad_token;
        if (!is_address(m.user) || !is_session_text(m.session)) return link_error::bad_name;
        return m.data.empty() ? link_error::bad_data : link_error::none;
    }
    link_error operator()(const reply_message& m) const noexcept {
        if (!is_type_token(m.type_token) || !is_id_token(m.id_token)) return link_error::bad_token;
        if (m.session.empty() || !is_session_text(m.session)) return link_error::bad_name;
        return m.data.empty() ? link_error::bad_data : link_error::none;
    }
    link_error operator()(const result_message& m) const noexcept {
        if (!m.code.empty() && !is_error_code(m.code)) return link_error::bad_code;
        if (m.unreached.size() > max_link_users) return link_error::too_many_users;
        for (const unreached_user& each : m.unreached) {
            if (!is_user_name(each.user)) return link_error::bad_name;
            if (!is_error_code(each.code)) return link_error::bad_code;
        }
        return link_error::none;
    }
    link_error operator()(const void_message&) const noexcept { return link_error::none; }
};

/// Finds the bytes of a list: `strings` strings for each of the entries whose number comes first.
template <class Entry>
entry_list<Entry> read_list(byte_reader& reader, unsigned strings) noexcept {
    const std::size_t count = reader.number<std::uint16_t>();
    const std::string_view begin = reader.rest();
    // The bound is checked by message_check; until then nobody shall walk further than it.
    const std::size_t walked = std::min(count, max_link_users) * strings;
    for (std::size_t i = 0; i < walked && !reader.has_failed(); ++i) reader.string<std::uint8_t>();
    return {begin.substr(0, begin.size() - reader.rest().size()), count};
}

struct message_decoder {
    byte_reader reader;
    link_message& out;

    template <class Message>
    link_error finish(const Message& message) noexcept {
        if (reader.has_failed()) return link_error::truncated;
        const link_error error = message_check{}(message);
        if (error != link_error::none) return error;
        if (!reader.at_end()) return link_error::trailing_bytes;
        out = message;
        return link_error::none;
    }

    link_error read_deliver() noexcept {
        deliver_message m;
        m.ref = reader.number<std::uint64_t>();
        m.budget_ms = reader.number<std::uint32_t>();
        const auto flags = reader.number<std::uint8_t>();
        m.is_for_everybody = (flags & everybody_flag) != 0;
        m.type_token = reader.string<std::uint16_t>();
        m.sender = reader.string<std::uint16_t>();
        m.users = read_list<std::string_view>(reader, 1);
        m.data = reader.all();
        if (!reader.has_failed() && (flags & ~everybody_flag) != 0) return link_error::bad_number;
        return finish(m);
    }
    link_error read_submit() noexcept {
        submit_message m;
        m.ref = reader.number<std::uint64_t>();
        m.budget_ms = reader.number<std::uint32_t>();
        m.hops = reader.number<std::uint8_t>();
        m.type_token = reader.string<std::uint16_t>();
        m.user = reader.string<std::uint16_t>();
        m.session = reader.string<std::uint8_t>();
        m.id_token = reader.string<std::uint16_t>();
        m.data = reader.all();
        return finish(m);
    }
    link_error read_reply() noexcept {
        reply_message m;
        m.session = reader.string<std::uint8_t>();
        m.id_token = reader.string<std::uint16_t>();
        m.type_token = reader.string<std::uint16_t>();
        m.data = reader.all();
        return finish(m);
    }
    link_error read_result() noexcept {
        result_message m;
        m.ref = reader.number<std::uint64_t>();
        m.delivered = reader.number<std::uint64_t>();
        m.code = reader.string<std::uint8_t>();
        const auto temporary = reader.number<std::uint8_t>();
        m.is_temporary = temporary != 0;
        m.reason = reader.string<std::uint16_t>();
        m.unreached = read_list<unreached_user>(reader, 2);
        if (!reader.has_failed()) {
            if (temporary > 1) return link_error::bad_number;
            if (m.reason.size() > max_reason_size) return link_error::bad_code;
        }
        return finish(m);
    }
};

struct size_of_message {
    std::size_t operator()(const deliver_message& m) const noexcept {
        std::size_t size = 1 + 8 + 4 + 1 + 2 + m.type_token.size() + 2 + m.sender.size() + 2 + m.data.size();
        for (const std::string_view user : m.users) size += 1 + user.size();
        return size;
    }
    std::size_t operator()(const submit_message& m) const noexcept {
        return 1 + 8 + 4 + 1 + 2 + m.type_token.size() + 2 + m.user.size() + 1 + m.session.size() + 2 +
               m.id_token.size() + m.data.size();
    }
    std::size_t operator()(const reply_message& m) const noexcept {
        return 1 + 1 + m.session.size() + 2 + m.id_token.size() + 2 + m.type_token.size() + m.data.size();
    }
    std::size_t operator()(const result_message& m) const noexcept {
        std::size_t size = 1 + 8 + 8 + 1 + m.code.size() + 1 + 2 + cut_reason(m.reason).size() + 2;
        for (const unreached_user& each : m.unreached) size += 1 + each.user.size() + 1 + each.code.size();
        return size;
    }
    std::size_t operator()(const void_message&) const noexcept { return void_body.size(); }
};

struct message_writer {
    byte_writer writer;

    void operator()(const deliver_message& m) noexcept {
        writer.number(std::uint8_t{deliver});
        writer.number(m.ref);
        writer.number(m.budget_ms);
        writer.number(m.is_for_everybody ? everybody_flag : std::uint8_t{0});
        writer.string<std::uint16_t>(m.type_token);
        writer.string<std::uint16_t>(m.sender);
        writer.number(static_cast<std::uint16_t>(m.users.size()));
        for (const std::string_view user : m.users) writer.string<std::uint8_t>(user);
        writer.bytes(m.data);
    }
    void operator()(const submit_message& m) noexcept {
        writer.number(std::uint8_t{submit});
        writer.number(m.ref);
        writer.number(m.budget_ms);
        writer.number(m.hops);
        writer.string<std::uint16_t>(m.type_token);
        writer.string<std::uint16_t>(m.user);
        writer.string<std::uint8_t>(m.session);
        writer.string<std::uint16_t>(m.id_token);
        writer.bytes(m.data);
    }
    void operator()(const reply_message& m) noexcept {
        writer.number(std::uint8_t{reply});
        writer.string<std::uint8_t>(m.session);
        writer.string<std::uint16_t>(m.id_token);
        writer.string<std::uint16_t>(m.type_token);
        writer.bytes(m.data);
    }
    void operator()(const result_message& m) noexcept {
        writer.number(std::uint8_t{result});
        writer.number(m.ref);
        writer.number(m.delivered);
        writer.string<std::uint8_t>(m.code);
        writer.number(static_cast<std::uint8_t>(m.is_temporary));
        writer.string<std::uint16_t>(cut_reason(m.reason));
        writer.number(static_cast<std::uint16_t>(m.unreached.size()));
        for (const unreached_user& each : m.unreached) {
            writer.string<std::uint8_t>(each.user);
            writer.string<std::uint8_t>(each.code);
        }
    }
    void operator()(const void_message&) noexcept { writer.bytes(void_body); }
};

/// Printable ASCII without escapes needs no reader: what nearly all tokens are.
bool is_plain_token(std::string_view token) noexcept {
    const std::string_view text = token.substr(1, token.size() - 2);
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7f && c != '"' && c != '\\'; });
}

struct json_check {
    json_reader& reader;

    bool is_string(std::string_view token, std::string_view& text) const {
        return reader.start(token) && reader.raw_string(token) && reader.at_end() && reader.unquote(token, text);
    }
    link_error type(std::string_view token) const {
        std::string_view text = token.substr(1, token.size() - 2);
        if (!is_plain_token(token) && !is_string(token, text)) return link_error::bad_token;
        return is_type(text) ? link_error::none : link_error::bad_token;
    }
    link_error id(std::string_view token) const {
        std::string_view text;
        const bool is_good = token.empty() || is_plain_token(token) || is_string(token, text);
        return is_good ? link_error::none : link_error::bad_token;
    }
    link_error data(std::string_view json) const {
        return reader.start(json) && reader.skip() && reader.at_end() ? link_error::none : link_error::bad_data;
    }

    link_error operator()(const deliver_message& m) const {
        const link_error error = type(m.type_token);
        return error == link_error::none ? data(m.data) : error;
    }
    template <class Message>
    link_error type_id_data(const Message& m) const {
        link_error error = type(m.type_token);
        if (error == link_error::none) error = id(m.id_token);
        return error == link_error::none ? data(m.data) : error;
    }
    link_error operator()(const submit_message& m) const { return type_id_data(m); }
    link_error operator()(const reply_message& m) const { return type_id_data(m); }
    link_error operator()(const result_message&) const { return link_error::none; }
    link_error operator()(const void_message&) const { return link_error::none; }
};

}  // namespace

link_error decode_link_message(std::string_view body, link_message& message) noexcept {
    message_decoder decoder{byte_reader{body}, message};
    const auto kind = decoder.reader.number<std::uint8_t>();
    if (decoder.reader.has_failed()) return link_error::truncated;
    switch (kind) {
        case deliver: return decoder.read_deliver();
        case submit: return decoder.read_submit();
        case reply: return decoder.read_reply();
        case result: return decoder.read_result();
        case nothing: return decoder.finish(void_message{});
        default: return link_error::unknown_operation;
    }
}

link_error check_link_message(const link_message& message) noexcept { return std::visit(message_check{}, message); }

link_error check_message_json(json_reader& reader, const link_message& message) {
    return std::visit(json_check{reader}, message);
}

std::size_t link_message_size(const link_message& message) noexcept { return std::visit(size_of_message{}, message); }

char* write_link_message(char* out, const link_message& message) noexcept {
    message_writer writer{byte_writer{out}};
    std::visit([&](const auto& each) { writer(each); }, message);
    return writer.writer.end();
}

void append_link_message(std::string& out, const link_message& message) {
    const std::size_t at = out.size();
    out.resize(at + link_message_size(message));
    write_link_message(out.data() + at, message);
}

void set_budget(char* body, std::size_t size, std::uint32_t budget_ms) noexcept {
    if (size < budget_offset + 4 || (body[0] != deliver && body[0] != submit)) return;
    byte_writer{body + budget_offset}.number(budget_ms);
}

}  // namespace bester::wire
