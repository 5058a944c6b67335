// Whatever another server sends, after the first byte, which chooses the part that is tried:
// frames and messages come out as they went in, a hello is one, the receiver takes each message once
// and in order, and the sender answers each message once.
#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "fuzz_input.hpp"
#include "json_reference.hpp"
#include "padded.hpp"
#include "peering/flows/flow_receiver.hpp"
#include "peering/flows/flow_sender.hpp"
#include "peering/link/link_hello.hpp"
#include "wire/frame.hpp"
#include "wire/link_message.hpp"
#include "wire/names.hpp"

namespace {

using namespace bester::wire;
using namespace bester::peering;
using namespace std::chrono_literals;

constexpr std::size_t frame_limit = 64 * 1024;
constexpr std::size_t max_depth = 16;

struct json_parts {
    std::vector<std::string_view> tokens;
    std::string_view data = "null";

    void operator()(const deliver_message& m) { tokens = {m.type_token}, data = m.data; }
    void operator()(const submit_message& m) { tokens = {m.type_token, m.id_token}, data = m.data; }
    void operator()(const reply_message& m) { tokens = {m.type_token, m.id_token}, data = m.data; }
    void operator()(const result_message&) {}
    void operator()(const void_message&) {}
};

void check_lists(const link_message& message) {
    std::size_t count = 0;
    if (const auto* deliver = std::get_if<deliver_message>(&message)) {
        for (const std::string_view user : deliver->users) require(is_user_name(user) && ++count);
        require(count == deliver->users.size() && count <= max_link_users);
    } else if (const auto* result = std::get_if<result_message>(&message)) {
        for (const unreached_user& each : result->unreached)
            require(is_user_name(each.user) && is_error_code(each.code) && ++count);
        require(count == result->unreached.size() && count <= max_link_users);
    }
}

void check_message(std::string_view body) {
    const test::padded copy{body};
    link_message message;
    if (decode_link_message(copy.view(), message) != link_error::none) return;
    check_lists(message);
    require(check_link_message(message) == link_error::none);
    require(link_message_size(message) == body.size());
    std::string again;
    append_link_message(again, message);
    require(again == body);
    static json_reader reader{max_depth};
    if (check_message_json(reader, message) == link_error::none) {
        json_parts parts;
        std::visit(parts, message);
        require(test::reference_accepts(parts.data, max_depth));
        for (const std::string_view token : parts.tokens)
            require(token.empty() || test::reference_accepts(token, max_depth));
    }
    set_budget(again.data(), again.size(), 7);
    require(decode_link_message(again, message) == link_error::none);
}

void try_frames(std::string_view stream) {
    for (;;) {
        const frame_result framed = decode_frame(stream, frame_limit);
        if (framed.status != frame_status::complete) return;
        // A block of exactly this size, so that AddressSanitizer sees who reads further.
        const std::string copy{framed.body};
        link_frame frame;
        if (decode_link_frame(copy, frame) == link_error::none) {
            std::string again;
            append_link_frame(again, frame);
            require(again == stream.substr(0, framed.consumed));
            if (const auto* message = std::get_if<message_frame>(&frame)) {
                require(message_frame_size(message->header, message->body.size()) == again.size());
                require(is_name(message->header.origin) && is_name(message->header.destination));
                check_message(message->body);
            }
        }
        stream.remove_prefix(framed.consumed);
    }
}

void try_hello(std::string_view json) {
    static json_reader reader;
    const link_refusal goodbye = decode_goodbye(reader, json);
    require(is_error_code(goodbye.code) && !goodbye.reason.empty() && goodbye.reason.size() <= 256);
    const auto hello = decode_hello(reader, json);
    if (!hello) {
        require(!hello.error().code.empty() && !hello.error().reason.empty());
        return;
    }
    require(test::reference_accepts(json, 64));
    const link_hello own{1, "own", 1, "", 15s, 1'000'000, true, true};
    const std::vector<std::string> names{"b", "c.d"};
    const auto refusal = check_hello(own, *hello, std::span<const std::string>{names}, "");
    if (hello->protocol != link_protocol) {
        require(refusal.has_value());
        return;
    }
    require(is_name(hello->server) && (hello->expects.empty() || is_name(hello->expects)));
    require(refusal.has_value() || hello->server == "b" || hello->server == "c.d");
    const auto again = decode_hello(reader, encode(*hello));
    require(again && *again == *hello);
}

/// Small numbers from the input, two bytes an event.
void try_receiver(std::string_view events) {
    constexpr std::uint64_t wall_ms = 1'000;
    flow_receiver receiver;
    flow_receiver::time_point now{};
    std::map<std::uint64_t, std::uint64_t> taken;  // of each flow, the highest sequence
    std::uint64_t highest = 0;
    for (; events.size() >= 2; events.remove_prefix(2)) {
        const auto first = static_cast<unsigned char>(events[0]);
        const auto second = static_cast<unsigned char>(events[1]);
        const std::uint64_t flow = 1 + first % 8;
        const std::uint64_t number = 1 + second % 8;
        switch (first >> 6) {
            case 0: receiver.on_probe(wall_ms, flow, number); break;
            case 1: now += 10ms * second; break;
            default:
                if (receiver.on_message(now, wall_ms, flow, number) != flow_verdict::take) break;
                require(flow >= highest && number == taken[flow] + 1);
                highest = flow;
                taken[flow] = number;
        }
        for (int turns = 0; const auto due = receiver.take_acknowledgement(now);) {
            require(++turns <= 2 && due->flow != 0 && due->next != 0);
            if (due->kind == acknowledgement_kind::unknown)
                require(due->next > due->flow || receiver.flow() > due->flow);
            else require(due->next == taken[due->flow] + 1);
        }
    }
}

/// Three bytes an event.
void try_sender(std::string_view events) {
    flow_sender sender{{8, 100'000, 2s, 500ms}, 1};
    flow_sender::time_point now{1h};
    std::uint64_t offered = 0;
    std::set<std::uint64_t> answered;
    std::vector<failed_message> failed;
    std::string body;
    for (; events.size() >= 3; events.remove_prefix(3)) {
        const auto second = static_cast<unsigned char>(events[1]);
        const auto third = static_cast<unsigned char>(events[2]);
        switch (static_cast<unsigned char>(events[0]) % 6) {
            case 0: {
                body.clear();
                append_link_message(
                    body, submit_message{++offered, 0, 0, "\"t\"", "u", {}, {}, std::string(second + 1u, '1')});
                const auto deadline = third == 0 ? flow_sender::no_deadline : now + 10ms * third;
                if (!sender.offer(now, body, deadline, offered)) --offered;
                break;
            }
            case 1: sender.on_route_up(now); break;
            case 2: sender.on_route_down(now); break;
            case 3:
                for (int i = 0; i <= third; ++i) {
                    const auto next = sender.next_to_send(now);
                    if (!next) break;
                    require(next->flow == sender.flow() && next->number != 0);
                    link_message message;
                    require(next->is_probe || decode_link_message(next->body, message) == link_error::none);
                    if (const auto* submit = std::get_if<submit_message>(&message); submit && !next->is_probe)
                        require(submit->ref != 0 && !answered.contains(submit->ref));
                }
                break;
            case 4:
                sender.on_acknowledgement(now, sender.flow() - std::min<std::uint64_t>(sender.flow() - 1, second % 2),
                                          1 + third % 16, static_cast<acknowledgement_kind>(second / 2 % 3), failed);
                break;
            default: now += 10ms * second; sender.on_timer(now, failed);
        }
        for (const failed_message& each : failed)
            require(each.ref != 0 && each.ref <= offered && answered.insert(each.ref).second);
        failed.clear();
        const flow_counters& counters = sender.counters();
        require(sender.queued_messages() <= 8 && sender.unacknowledged_messages() <= sender.queued_messages());
        require(counters.expired + counters.unreachable + counters.lost == answered.size());
    }
    sender.fail_all(now, failed);
    require(sender.queued_bytes() == 0 && sender.queued_messages() == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view input = as_text(data, size);
    if (input.empty()) return 0;
    const std::string_view rest = input.substr(1);
    switch (input[0] & 3) {
        case 0: try_frames(rest); break;
        case 1: try_hello(rest); break;
        case 2: try_receiver(rest); break;
        default: try_sender(rest);
    }
    return 0;
}
