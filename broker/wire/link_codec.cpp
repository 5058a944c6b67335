#include "wire/link_codec.hpp"

#include "wire/link_bytes.hpp"
#include "wire/names.hpp"

namespace bester::wire {

namespace {

constexpr std::uint8_t hello_kind = 0x01;
constexpr std::uint8_t goodbye_kind = 0x02;
constexpr std::uint8_t ping_kind = 0x03;
constexpr std::uint8_t pong_kind = 0x04;
constexpr std::uint8_t message_kind = 0x10;
constexpr std::uint8_t acknowledgement_frame_kind = 0x11;
constexpr std::uint8_t probe_kind = 0x12;
constexpr std::uint8_t advert_kind = 0x20;

bool is_counted(std::uint64_t number) noexcept { return number != 0 && number < number_limit; }

link_error read_header(byte_reader& reader, flow_header& header) noexcept {
    header.hops_left = reader.number<std::uint8_t>();
    header.origin = reader.string<std::uint8_t>();
    header.destination = reader.string<std::uint8_t>();
    header.flow = reader.number<std::uint64_t>();
    header.number = reader.number<std::uint64_t>();
    if (reader.has_failed()) return link_error::truncated;
    if (!is_name(header.origin) || !is_name(header.destination)) return link_error::bad_name;
    if (!is_counted(header.flow) || !is_counted(header.number)) return link_error::bad_number;
    return link_error::none;
}

std::size_t header_size(const flow_header& header) noexcept {
    return 1 + 1 + 1 + header.origin.size() + 1 + header.destination.size() + 8 + 8;
}

void write_header(byte_writer& writer, std::uint8_t kind, const flow_header& header) noexcept {
    writer.number(kind);
    writer.number(header.hops_left);
    writer.string<std::uint8_t>(header.origin);
    writer.string<std::uint8_t>(header.destination);
    writer.number(header.flow);
    writer.number(header.number);
}

/// Makes room for a frame of this size at the end of `out`, and writes its length.
byte_writer begin_frame(std::string& out, std::size_t body_size) {
    const std::size_t at = out.size();
    out.resize(at + frame_header_size + body_size);
    return byte_writer{write_frame_length(out.data() + at, body_size)};
}

struct frame_appender {
    std::string& out;

    void text(std::uint8_t kind, std::string_view json) const {
        byte_writer writer = begin_frame(out, 1 + json.size());
        writer.number(kind);
        writer.bytes(json);
    }
    void token(std::uint8_t kind, std::uint64_t token) const {
        byte_writer writer = begin_frame(out, 1 + 8);
        writer.number(kind);
        writer.number(token);
    }

    void operator()(const hello_frame& frame) const { text(hello_kind, frame.json); }
    void operator()(const goodbye_frame& frame) const { text(goodbye_kind, frame.json); }
    void operator()(const advert_frame& frame) const { text(advert_kind, frame.json); }
    void operator()(const ping_frame& frame) const { token(ping_kind, frame.token); }
    void operator()(const pong_frame& frame) const { token(pong_kind, frame.token); }
    void operator()(const message_frame& frame) const {
        byte_writer writer = begin_frame(out, header_size(frame.header) + frame.body.size());
        write_header(writer, message_kind, frame.header);
        writer.bytes(frame.body);
    }
    void operator()(const acknowledgement_frame& frame) const {
        byte_writer writer = begin_frame(out, header_size(frame.header) + 1);
        write_header(writer, acknowledgement_frame_kind, frame.header);
        writer.number(static_cast<std::uint8_t>(frame.kind));
    }
    void operator()(const probe_frame& frame) const {
        byte_writer writer = begin_frame(out, header_size(frame.header));
        write_header(writer, probe_kind, frame.header);
    }
};

template <class Frame>
link_error read_text(byte_reader& reader, link_frame& frame) noexcept {
    if (reader.at_end()) return link_error::truncated;
    frame = Frame{reader.all()};
    return link_error::none;
}

template <class Frame>
link_error read_token(byte_reader& reader, link_frame& frame) noexcept {
    const auto token = reader.number<std::uint64_t>();
    if (reader.has_failed()) return link_error::truncated;
    if (!reader.at_end()) return link_error::trailing_bytes;
    frame = Frame{token};
    return link_error::none;
}

link_error read_message(byte_reader& reader, link_frame& frame) noexcept {
    message_frame read;
    if (const link_error error = read_header(reader, read.header); error != link_error::none) return error;
    if (reader.at_end()) return link_error::truncated;
    read.body = reader.all();
    frame = read;
    return link_error::none;
}

link_error read_acknowledgement(byte_reader& reader, link_frame& frame) noexcept {
    acknowledgement_frame read;
    if (const link_error error = read_header(reader, read.header); error != link_error::none) return error;
    const auto kind = reader.number<std::uint8_t>();
    if (reader.has_failed()) return link_error::truncated;
    if (!reader.at_end()) return link_error::trailing_bytes;
    if (kind > static_cast<std::uint8_t>(acknowledgement_kind::unknown)) return link_error::bad_number;
    read.kind = static_cast<acknowledgement_kind>(kind);
    frame = read;
    return link_error::none;
}

link_error read_probe(byte_reader& reader, link_frame& frame) noexcept {
    probe_frame read;
    if (const link_error error = read_header(reader, read.header); error != link_error::none) return error;
    if (!reader.at_end()) return link_error::trailing_bytes;
    frame = read;
    return link_error::none;
}

}  // namespace

std::string_view to_string(link_error error) noexcept {
    switch (error) {
        case link_error::none: return "no error";
        case link_error::truncated: return "the frame ends too early";
        case link_error::trailing_bytes: return "the frame goes on after its end";
        case link_error::unknown_kind: return "the frame is of an unknown kind";
        case link_error::unknown_operation: return "the message is of an unknown kind";
        case link_error::bad_name: return "a name in the frame is none";
        case link_error::bad_token: return "a type or id in the frame is none";
        case link_error::bad_data: return "the data of the message is no JSON";
        case link_error::bad_code: return "an error code in the frame is none";
        case link_error::bad_number: return "a number in the frame is outside of its bounds";
        case link_error::too_many_users: return "the message names too many users";
    }
    return "unknown";
}

link_error decode_link_frame(std::string_view body, link_frame& frame) noexcept {
    byte_reader reader{body};
    const auto kind = reader.number<std::uint8_t>();
    if (reader.has_failed()) return link_error::truncated;
    switch (kind) {
        case hello_kind: return read_text<hello_frame>(reader, frame);
        case goodbye_kind: return read_text<goodbye_frame>(reader, frame);
        case ping_kind: return read_token<ping_frame>(reader, frame);
        case pong_kind: return read_token<pong_frame>(reader, frame);
        case message_kind: return read_message(reader, frame);
        case acknowledgement_frame_kind: return read_acknowledgement(reader, frame);
        case probe_kind: return read_probe(reader, frame);
        case advert_kind: return read_text<advert_frame>(reader, frame);
        default: return link_error::unknown_kind;
    }
}

void append_link_frame(std::string& out, const link_frame& frame) { std::visit(frame_appender{out}, frame); }

std::size_t message_frame_size(const flow_header& header, std::size_t body_size) noexcept {
    return frame_header_size + header_size(header) + body_size;
}

char* write_message_frame(char* out, const flow_header& header, std::string_view body) noexcept {
    byte_writer writer{write_frame_length(out, header_size(header) + body.size())};
    write_header(writer, message_kind, header);
    writer.bytes(body);
    return writer.end();
}

}  // namespace bester::wire
