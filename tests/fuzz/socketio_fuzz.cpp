// Packets of Socket.IO and payloads of Engine.IO: what is read is written as it was, and what a client can send
// is within its bounds. Bytes that are put into data come out of them again.
#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "fuzz_input.hpp"
#include "json_reference.hpp"
#include "padded.hpp"
#include "socketio/attachment_collector.hpp"
#include "socketio/attachments.hpp"
#include "socketio/engine_packet.hpp"
#include "socketio/event_data.hpp"
#include "socketio/packet.hpp"
#include "wire/base64.hpp"

namespace {

using namespace bester;
using namespace bester::socketio;

constexpr std::size_t most_bytes = 10'000;

void check_attachments(wire::json_reader& reader, std::string_view data, const std::vector<std::string>& bodies) {
    const auto joined = join_attachments(reader, data, bodies, most_bytes);
    if (!joined) return;
    require(joined->size() <= most_bytes);
    require(wire::test::reader_accepts(reader, *joined));
    require(wire::test::reference_accepts(data) && wire::test::reference_accepts(*joined));
    require(bodies.empty() || may_have_attachments(*joined));
}

/// Data as a handler may write them.
void check_splitting(wire::json_reader& reader, std::string_view data) {
    const bool is_json = wire::test::reader_accepts(reader, data);
    const auto split = split_attachments(reader, data);
    require(split.has_value() == is_json);
    if (!split) return;
    if (split->bodies.empty()) {
        require(split->data == data);
        return;
    }
    // Each body has its place, and there it comes back; nothing else is taken for one.
    const auto joined = join_attachments(reader, split->data, split->bodies, 2 * data.size() + most_bytes);
    require(joined.has_value());
    const auto again = split_attachments(reader, *joined);
    require(again.has_value() && again->bodies == split->bodies);
    require(wire::test::reference_accepts(split->data));
}

void check_packet(wire::json_reader& reader, std::string_view text, std::string_view body) {
    const auto packet = decode_packet(text);
    if (!packet) return;
    require(is_namespace(packet->name_space));
    require(text.ends_with(packet->data));
    require(packet->is_binary() == (packet->attachments > 0) && packet->attachments <= most_attachments);
    std::array<char, prefix_room> room{};
    const std::size_t size = write_prefix(*packet, room.data());
    require(size <= prefix_room);
    const std::string written = std::string{room.data() + 1, size - 1} + std::string{packet->data};
    require(decode_packet(written) == packet);

    std::string_view name;
    const wire::test::padded data{packet->data};
    if (read_event(reader, data.view(), name)) {
        require(wire::test::reference_accepts(packet->data));
        const auto first = nlohmann::json::parse(wire::test::tame_numbers(packet->data)).at(0);
        require(is_event_data(packet->data) == first.is_string());
    }
    if (!packet->is_binary()) return;
    attachment_collector collector{most_bytes};
    if (!collector.begin(*packet)) return;
    while (collector.is_collecting())
        if (!collector.add(body)) return;
    require(collector.head() == *packet && collector.bodies().size() == packet->attachments);
    check_attachments(reader, collector.head().data, collector.bodies());
}

void check_payload(wire::json_reader& reader, std::string_view payload) {
    payload_reader packets{payload};
    std::string written;
    while (true) {
        engine_packet packet;
        const payload_status status = packets.next(packet);
        if (status == payload_status::bad) return;
        if (status == payload_status::end) break;
        std::string bytes;
        if (packet.is_base64 && wire::decode_base64(packet.data, bytes)) {
            append_binary(written, bytes);
        } else if (packet.is_base64) {
            append_message(written, "b", packet.data);
        } else {
            append_packet(written, packet.type, packet.data);
            if (packet.type == engine_type::message) check_packet(reader, packet.data, payload);
        }
    }
    require(written == payload);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view input = as_text(data, size);
    if (input.empty()) return 0;
    // A block of exactly that size, so that whoever reads further is seen.
    const std::vector<char> exact{input.begin(), input.end()};
    const std::string_view text{exact.data(), exact.size()};
    wire::json_reader reader;
    check_payload(reader, text);
    check_packet(reader, text, "body");
    check_splitting(reader, text);
    check_attachments(reader, text, {"a", "bytes"});
    std::string bytes;
    if (wire::decode_base64(text, bytes)) {
        std::string again;
        wire::append_base64(again, bytes);
        require(again == text);
    }
    return 0;
}
