#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "wire/link_codec.hpp"

namespace bester::wire {
namespace {

constexpr flow_header header{8, "a", "bb", 0x0102030405060708, 3};

/// Frames of all kinds.
std::vector<link_frame> all_frames() {
    return {hello_frame{R"({"protocol":1})"},
            goodbye_frame{R"({"code":"shutting_down"})"},
            ping_frame{std::numeric_limits<std::uint64_t>::max()},
            pong_frame{7},
            message_frame{header, "\x05"},
            message_frame{{0, std::string_view{"x.y-z_0"}, "b", 1, number_limit - 1}, "a longer body"},
            acknowledgement_frame{header, acknowledgement_kind::arrived},
            acknowledgement_frame{header, acknowledgement_kind::rewind},
            acknowledgement_frame{header, acknowledgement_kind::unknown},
            probe_frame{header},
            advert_frame{R"({"links":[]})"}};
}

std::string encoded(const link_frame& frame) {
    std::string out;
    append_link_frame(out, frame);
    return out;
}

std::string body_of(const link_frame& frame) { return encoded(frame).substr(frame_header_size); }

/// Decodes a copy in a heap block of exactly its size, so that AddressSanitizer sees who reads further.
link_error error_of(std::string_view body) {
    const std::unique_ptr<char[]> copy{new char[body.size()]};
    if (!body.empty()) std::memcpy(copy.get(), body.data(), body.size());
    link_frame frame;
    return decode_link_frame({copy.get(), body.size()}, frame);
}

bool is_text(const link_frame& frame) {
    return std::holds_alternative<hello_frame>(frame) || std::holds_alternative<goodbye_frame>(frame) ||
           std::holds_alternative<advert_frame>(frame);
}

}  // namespace

TEST_CASE("link frame: every kind comes out as it went in", "[wire]") {
    for (const link_frame& frame : all_frames()) {
        CAPTURE(frame.index());
        const std::string body = body_of(frame);
        link_frame read;
        REQUIRE(decode_link_frame(body, read) == link_error::none);
        CHECK(read.index() == frame.index());
        CHECK(encoded(read) == encoded(frame));
    }
}

TEST_CASE("link frame: the bytes are those of the page", "[wire]") {
    using namespace std::string_literals;
    CHECK(encoded(ping_frame{0x0102}) == "\x09\0\0\0\x03\x02\x01\0\0\0\0\0\0"s);
    CHECK(encoded(hello_frame{"{}"}) == "\x03\0\0\0\x01{}"s);
    CHECK(body_of(acknowledgement_frame{header, acknowledgement_kind::rewind}) ==
          "\x11\x08\x01"s + "a\x02"s + "bb"s + "\x08\x07\x06\x05\x04\x03\x02\x01"s + "\x03\0\0\0\0\0\0\0"s + "\x01"s);
    CHECK(body_of(message_frame{header, "xyz"}).substr(0, 6) == "\x10\x08\x01"s + "a\x02"s + "b"s);
}

TEST_CASE("link frame: a message is read without looking into its body", "[wire]") {
    const std::string body = body_of(message_frame{header, "no operation"});
    link_frame read;
    REQUIRE(decode_link_frame(body, read) == link_error::none);
    const auto& message = std::get<message_frame>(read);
    CHECK(message.header == header);
    CHECK(message.body == "no operation");
    CHECK(message.body.data() + message.body.size() == body.data() + body.size());
}

TEST_CASE("link frame: write_message_frame writes what append_link_frame does, in the size it says", "[wire]") {
    const message_frame frame{header, "some body"};
    std::string out(message_frame_size(header, frame.body.size()) + 1, '#');
    char* const end = write_message_frame(out.data(), header, frame.body);
    CHECK(end == out.data() + out.size() - 1);
    CHECK(out == encoded(frame) + "#");
}

TEST_CASE("link frame: cut anywhere it is refused, or is a shorter text", "[wire]") {
    for (const link_frame& frame : all_frames()) {
        const std::string body = body_of(frame);
        const auto* message = std::get_if<message_frame>(&frame);
        const std::size_t fixed = is_text(frame) ? 1 : message ? body.size() - message->body.size() : body.size() - 1;
        for (std::size_t size = 0; size < body.size(); ++size) {
            CAPTURE(frame.index(), size);
            CHECK(error_of(std::string_view{body}.substr(0, size)) ==
                  (size <= fixed ? link_error::truncated : link_error::none));
        }
    }
}

TEST_CASE("link frame: a stream cut at every point gives the same frames", "[wire]") {
    std::string stream;
    for (const link_frame& frame : all_frames()) append_link_frame(stream, frame);
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        CAPTURE(cut);
        std::string again;
        std::string tail;
        for (const std::string_view piece :
             {std::string_view{stream}.substr(0, cut), std::string_view{stream}.substr(cut)}) {
            const std::string bytes = tail + std::string{piece};
            std::string_view rest = bytes;
            for (;;) {
                const frame_result framed = decode_frame(rest, 1'000);
                if (framed.status != frame_status::complete) break;
                link_frame frame;
                REQUIRE(decode_link_frame(framed.body, frame) == link_error::none);
                append_link_frame(again, frame);
                rest.remove_prefix(framed.consumed);
            }
            tail = rest;
        }
        CHECK(tail.empty());
        CHECK(again == stream);
    }
}

TEST_CASE("link frame: what goes on after its end is refused", "[wire]") {
    for (const link_frame& frame : all_frames()) {
        if (is_text(frame) || std::holds_alternative<message_frame>(frame)) continue;
        CAPTURE(frame.index());
        CHECK(error_of(body_of(frame) + '\0') == link_error::trailing_bytes);
    }
}

TEST_CASE("link frame: only the known kinds are read", "[wire]") {
    for (int kind = 0; kind < 256; ++kind) {
        CAPTURE(kind);
        const std::string known = "\x01\x02\x03\x04\x10\x11\x12\x20";
        const bool is_known = known.find(static_cast<char>(kind)) != std::string::npos;
        CHECK((error_of(std::string(100, static_cast<char>(kind))) == link_error::unknown_kind) == !is_known);
    }
    CHECK(error_of("") == link_error::truncated);
}

TEST_CASE("link frame: names that are none are refused", "[wire]") {
    const std::string longest(64, 'n');
    const std::string too_long(65, 'n');
    struct {
        std::string_view name;
        link_error expected;
    } const cases[] = {
        {"", link_error::bad_name},    {"a b", link_error::bad_name},    {"a@b", link_error::bad_name},
        {"a\"", link_error::bad_name}, {too_long, link_error::bad_name}, {"\xc3\xa4", link_error::bad_name},
        {longest, link_error::none},   {"A-z_0.9", link_error::none},
    };
    for (const auto& [name, expected] : cases) {
        CAPTURE(name);
        CHECK(error_of(body_of(probe_frame{{1, name, "b", 1, 1}})) == expected);
        CHECK(error_of(body_of(message_frame{{1, "a", name, 1, 1}, "x"})) == expected);
        CHECK(error_of(body_of(acknowledgement_frame{{1, name, "b", 1, 1}, {}})) == expected);
    }
}

TEST_CASE("link frame: numbers out of bounds are refused", "[wire]") {
    for (const std::uint64_t number : {std::uint64_t{0}, number_limit, std::numeric_limits<std::uint64_t>::max()}) {
        CAPTURE(number);
        CHECK(error_of(body_of(probe_frame{{1, "a", "b", number, 1}})) == link_error::bad_number);
        CHECK(error_of(body_of(probe_frame{{1, "a", "b", 1, number}})) == link_error::bad_number);
    }
    std::string acknowledgement = body_of(acknowledgement_frame{header, acknowledgement_kind::unknown});
    acknowledgement.back() = 3;
    CHECK(error_of(acknowledgement) == link_error::bad_number);
}

TEST_CASE("link frame: hops_left is changed in place, and nothing else", "[wire]") {
    std::string body = body_of(message_frame{header, "body"});
    set_hops_left(body.data(), 3);
    flow_header fewer = header;
    fewer.hops_left = 3;
    CHECK(body == body_of(message_frame{fewer, "body"}));
}

TEST_CASE("link frame: a refused frame leaves the last one alone", "[wire]") {
    link_frame frame = ping_frame{5};
    REQUIRE(decode_link_frame("\x12nonsense", frame) != link_error::none);
    REQUIRE(std::holds_alternative<ping_frame>(frame));
    CHECK(std::get<ping_frame>(frame).token == 5);
}

TEST_CASE("link frame: every error has its own text", "[wire]") {
    std::vector<std::string_view> texts;
    for (int i = 0; i <= static_cast<int>(link_error::too_many_users); ++i) {
        const std::string_view text = to_string(static_cast<link_error>(i));
        CHECK(std::find(texts.begin(), texts.end(), text) == texts.end());
        CHECK(text != "unknown");
        texts.push_back(text);
    }
}

}  // namespace bester::wire
