#include <catch2/catch.hpp>
#include <string>

#include "client_frames.hpp"
#include "web/close_code.hpp"
#include "web/frame_header_reader.hpp"
#include "web/utf8.hpp"

namespace bester::web {

using namespace test;

namespace {

std::string written(opcode kind, std::size_t size, payload_form form = payload_form::plain) {
    char out[max_frame_header_size];
    const char* const end = write_frame_header(out, kind, size, form);
    CHECK(static_cast<std::size_t>(end - out) == frame_header_size(size));
    return {static_cast<const char*>(out), end};
}

}  // namespace

TEST_CASE("frame header: written as RFC 6455 has it", "[web]") {
    CHECK(written(opcode::text, 0) == std::string("\x81\0", 2));
    CHECK(written(opcode::text, 125) == "\x81\x7d");
    CHECK(written(opcode::binary, 126) == std::string("\x82\x7e\0\x7e", 4));
    CHECK(written(opcode::text, 65'535, payload_form::deflated) == "\xc1\x7e\xff\xff");
    CHECK(written(opcode::text, 65'536) == std::string("\x81\x7f\0\0\0\0\0\1\0\0", 10));
    CHECK(written(opcode::pong, 3) == "\x8a\x03");
}

TEST_CASE("frame header: what is written is read again, by wslay", "[web]") {
    frame_header_reader reader;
    for (const std::size_t size : {0u, 1u, 125u, 126u, 4'096u, 4'097u, 65'535u, 65'536u, 1'000'000u}) {
        CAPTURE(size);
        for (int times = 0; times < 2; ++times) {
            std::string bytes = written(opcode::text, size, payload_form::deflated);
            bytes[1] = static_cast<char>(bytes[1] | 0x80);
            frame_header header;
            REQUIRE(reader.read(bytes, 1'000'000, header));
            CHECK(header.size == size);
            CHECK(header.opcode == 1);
            CHECK(header.reserved == 4);
            CHECK(header.is_final);
        }
    }
}

TEST_CASE("frame header: after a header that is refused the next is read as if nothing had been", "[web]") {
    frame_header_reader reader;
    frame_header header;
    CHECK_FALSE(reader.read(std::string_view{"\x81\xfe\0\x05", 4}, 1'000, header));  // 5 in two bytes
    CHECK_FALSE(reader.read("\x09\x85", 1'000, header));                             // a fragment of a ping
    CHECK_FALSE(reader.read(std::string_view{"\x81\xff\x80\0\0\0\0\0\0\0", 10}, 1'000, header));
    REQUIRE(reader.read("\x01\x85", 1'000, header));
    CHECK(header.size == 5);
    CHECK_FALSE(header.is_final);
    REQUIRE(reader.read(std::string_view{"\x82\xff\x7f\0\0\0\0\0\0\0", 10}, 1'000, header));  // not counted over
    CHECK(header.size == std::uint64_t{0x7f} << 56);
    REQUIRE(reader.read("\x89\x81", 1'000, header));
    CHECK(header.opcode == 9);
    CHECK(header.size == 1);
}

TEST_CASE("close frame: code and reason, cut between two characters", "[web]") {
    CHECK(make_close_frame(close_code::normal, "bye") == std::string("\x88\x05\x03\xe8") + "bye");
    CHECK(make_close_frame(close_code::no_status, "bye") == std::string("\x88\0", 2));
    CHECK(make_close_frame(close_code::connection_lost, "") == std::string("\x88\0", 2));
    CHECK(make_close_frame(close_code::going_away, "\xff") == "\x88\x02\x03\xe9");
    CHECK(make_close_frame(close_code{4'000}, std::string(200, 'r')) == "\x88\x7d\x0f\xa0" + std::string(123, 'r'));
    const std::string umlauts = "r\xc3\xa4\xc3\xa4";
    std::string long_reason(120, 'r');
    long_reason += "\xe2\x82\xac\xe2\x82\xac";  // 120 + 3 fit
    CHECK(make_close_frame(close_code::normal, long_reason).size() == 4 + 123);
    CHECK(make_close_frame(close_code::normal, 'r' + long_reason).size() == 4 + 121);
    CHECK(cut_utf8(umlauts, 2) == "r");
    CHECK(cut_utf8(umlauts, 3) == "r\xc3\xa4");
    CHECK(cut_utf8(umlauts, 99) == umlauts);
}

TEST_CASE("close code: has a name", "[web]") {
    CHECK(to_string(close_code::message_too_large) == "message_too_large");
    CHECK(to_string(close_code{3'000}) == "application");
    CHECK(to_string(close_code{1'020}) == "unknown");
    CHECK(to_string(close_code{5'000}) == "unknown");
}

}  // namespace bester::web
