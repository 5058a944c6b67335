#include <catch2/catch.hpp>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "wire/client_codec.hpp"
#include "wire/frame.hpp"

namespace bester::wire {

std::ostream& operator<<(std::ostream& out, frame_status status) { return out << static_cast<int>(status); }

namespace {

std::string length_word(std::uint32_t length) {
    std::string word(frame_header_size, '\0');
    write_frame_length(word.data(), length);
    return word;
}

/// All bodies of a stream that arrives in the given pieces, with what is left over.
std::vector<std::string> bodies_of(const std::vector<std::string>& pieces, std::size_t limit) {
    std::vector<std::string> bodies;
    std::string tail;
    for (const std::string& piece : pieces) {
        tail += piece;
        frame_result frame;
        while ((frame = decode_frame(tail, limit)).status == frame_status::complete) {
            bodies.emplace_back(frame.body);
            tail.erase(0, frame.consumed);
        }
        if (frame.status != frame_status::need_more) bodies.emplace_back("lost");
    }
    bodies.push_back("tail:" + tail);
    return bodies;
}

}  // namespace

TEST_CASE("frame decoder: a stream gives the same frames wherever it is cut", "[wire]") {
    const std::string stream =
        make_frame("{}") + make_frame(R"({"a":1})") + make_frame(std::string(300, 'x')) + std::string("\x05\0\0", 3);
    const std::vector<std::string> whole = bodies_of({stream}, 300);
    REQUIRE(whole.size() == 4);
    CHECK(whole[0] == "{}");
    CHECK(whole[1] == R"({"a":1})");
    CHECK(whole[2] == std::string(300, 'x'));
    CHECK(whole[3] == std::string("tail:\x05\0\0", 8));
    for (std::size_t first = 0; first <= stream.size(); ++first) {
        for (std::size_t second = first; second <= stream.size(); second += 7) {
            CAPTURE(first, second);
            const auto cut =
                bodies_of({stream.substr(0, first), stream.substr(first, second - first), stream.substr(second)}, 300);
            REQUIRE(cut == whole);
        }
    }
    std::vector<std::string> bytes;
    for (const char c : stream) bytes.emplace_back(1, c);
    CHECK(bodies_of(bytes, 300) == whole);
}

TEST_CASE("frame decoder: what is missing is exact, and sees no further than it can", "[wire]") {
    const std::string frame = make_frame(R"({"a":1})");
    for (std::size_t size = 0; size < frame.size(); ++size) {
        CAPTURE(size);
        const frame_result result = decode_frame(std::string_view{frame}.substr(0, size), 100);
        CHECK(result.status == frame_status::need_more);
        CHECK(result.consumed == 0);
        CHECK(result.body.empty());
        CHECK(result.missing == (size < 4 ? 4 - size : frame.size() - size));
    }
}

TEST_CASE("frame decoder: a length above the limit is refused once it is known", "[wire]") {
    const std::size_t limit = GENERATE(2, 3, 255, 256, 65'535, 65'536, 1'048'576);
    CAPTURE(limit);
    const auto status = [&](std::uint32_t length) { return decode_frame(length_word(length), limit).status; };
    CHECK(status(static_cast<std::uint32_t>(limit)) == frame_status::need_more);
    CHECK(status(static_cast<std::uint32_t>(limit + 1)) == frame_status::too_large);
    CHECK(status(0xffff'ffff) == frame_status::too_large);
    CHECK(status(0x8000'0000) == frame_status::too_large);
    CHECK(decode_frame(length_word(0xffff'ffff).substr(0, 3), limit).status == frame_status::need_more);
}

TEST_CASE("frame decoder: a frame of exactly the limit is taken", "[wire]") {
    const std::string body(256, 'x');
    const std::string stream = make_frame(body) + "rest";
    const frame_result result = decode_frame(stream, 256);
    CHECK(result.status == frame_status::complete);
    CHECK(result.consumed == 260);
    CHECK(result.body == body);
    CHECK(result.body.data() == stream.data() + 4);
    CHECK(decode_frame(stream, 255).status == frame_status::too_large);
}

TEST_CASE("frame decoder: a length below the smallest object is refused", "[wire]") {
    CHECK(decode_frame(length_word(0), 100).status == frame_status::too_short);
    CHECK(decode_frame(length_word(1) + "x", 100).status == frame_status::too_short);
    CHECK(decode_frame(length_word(2) + "{}", 100).status == frame_status::complete);
}

TEST_CASE("frame encoder: the length is little-endian and counts the body alone", "[wire]") {
    CHECK(make_frame("{}") == std::string("\x02\0\0\0{}", 6));
    CHECK(length_word(0x01020304) == "\x04\x03\x02\x01");
    char room[4];
    CHECK(write_frame_length(room, 7) == room + 4);
}

}  // namespace bester::wire
