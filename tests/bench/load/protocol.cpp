#include "load/protocol.hpp"

#include <cstring>

namespace bester::bench {
namespace {

constexpr std::size_t slot_digits = 3;
constexpr std::size_t sequence_digits = 8;
static_assert(slot_digits + sequence_digits == request_id_size);

void write_hex(std::uint32_t value, char* into, std::size_t digits) noexcept {
    for (std::size_t i = digits; i-- > 0; value >>= 4) into[i] = "0123456789abcdef"[value & 15];
}

std::uint32_t read_hex(std::string_view text) {
    std::uint32_t value = 0;
    for (const char letter : text) {
        if (letter >= '0' && letter <= '9') {
            value = value << 4 | static_cast<std::uint32_t>(letter - '0');
        } else if (letter >= 'a' && letter <= 'f') {
            value = value << 4 | static_cast<std::uint32_t>(letter - 'a' + 10);
        } else {
            throw wrong_answer("not an id of ours", text);
        }
    }
    return value;
}

}  // namespace

void write_id(request_id id, char* into) noexcept {
    write_hex(id.slot, into, slot_digits);
    write_hex(id.sequence, into + slot_digits, sequence_digits);
}

request_id read_id(std::string_view text) {
    if (text.size() < request_id_size) throw wrong_answer("id too short", text);
    return {read_hex(text.substr(0, slot_digits)), read_hex(text.substr(slot_digits, sequence_digits))};
}

std::string data_template() {
    std::string data(data_size, ' ');
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>('a' + i % 26);
    return data;
}

void check_data(std::string_view data, request_id id) {
    static const std::string expected = data_template();
    char written[request_id_size];
    write_id(id, written);
    if (data.size() != data_size || std::memcmp(data.data(), written, request_id_size) != 0 ||
        data.substr(request_id_size) != std::string_view{expected}.substr(request_id_size)) {
        throw wrong_answer("data is not what was sent", data);
    }
}

void protocol::pass(std::uint32_t, request_id, byte_queue&) const {
    throw std::logic_error("this target has no pairs of senders and receivers");
}

namespace {

std::unique_ptr<protocol> over_websocket(std::unique_ptr<protocol> speaks, carriage how, std::string path) {
    speaks->carry(how, std::move(path));
    return speaks;
}

struct named_protocol {
    std::string_view name;
    std::unique_ptr<protocol> (*make)();
};

constexpr named_protocol protocols[]{
    {"bester", [] { return make_bester_protocol(true); }},
    {"bester-quiet", [] { return make_bester_protocol(false); }},
    {"bester-ws", [] { return over_websocket(make_bester_protocol(true), carriage::websocket_messages, "/ws"); }},
    {"relay", make_relay_protocol},
    {"nats", make_nats_protocol},
    {"nats-ws", [] { return over_websocket(make_nats_protocol(), carriage::websocket_bytes, "/"); }},
    {"redis", make_redis_protocol},
    {"pushpin", [] { return over_websocket(make_pushpin_protocol(), carriage::websocket_messages, "/"); }},
};

}  // namespace

std::vector<std::string> protocol_names() {
    std::vector<std::string> names;
    for (const named_protocol& each : protocols) names.emplace_back(each.name);
    return names;
}

std::unique_ptr<protocol> make_protocol(std::string_view name) {
    for (const named_protocol& each : protocols) {
        if (each.name == name) return each.make();
    }
    throw std::invalid_argument("unknown protocol: " + std::string(name));
}

}  // namespace bester::bench
