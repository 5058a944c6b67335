#include <zlib.h>
#include <catch2/catch.hpp>
#include <random>
#include <string>

#include "web/deflate.hpp"

namespace bester::web {

namespace {

/// What zlib makes of it with the window that clients use, ended by a block that says it is the last.
std::string deflated_to_the_end(const std::string& text, int flush) {
    z_stream z{};
    REQUIRE(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string out(text.size() + 100, '\0');
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    z.avail_in = static_cast<uInt>(text.size());
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = static_cast<uInt>(out.size());
    ::deflate(&z, flush);
    out.resize(out.size() - z.avail_out);
    deflateEnd(&z);
    return out;
}

std::string inflated(message_inflater& inflater, std::string_view body, std::size_t limit = 1'000'000) {
    std::string_view message;
    switch (inflater.inflate(std::string{body}, limit, message)) {
        case inflate_status::done: return "done:" + std::string{message};
        case inflate_status::bad: return "bad";
        case inflate_status::too_large: return "too large";
    }
    return "?";
}

std::string noise(std::size_t size) {
    std::mt19937 random{7};
    std::string text(size, ' ');
    for (char& c : text) c = static_cast<char>(random());
    return text;
}

}  // namespace

TEST_CASE("deflate: what is deflated comes back, of any size", "[web]") {
    message_deflater deflater;
    message_inflater inflater;
    for (const std::string& text :
         {std::string{}, std::string{"x"}, std::string(100'000, 'x'), noise(1'000), noise(300'000)}) {
        CAPTURE(text.size());
        const std::string body{deflater.deflate(text)};
        CHECK_FALSE(body.ends_with(std::string_view{"\0\0\xff\xff", 4}));
        CHECK(inflated(inflater, body) == "done:" + text);
        CHECK(inflated(inflater, body, text.size()) == "done:" + text);
        if (!text.empty()) CHECK(inflated(inflater, body, text.size() - 1) == "too large");
    }
    CHECK(deflater.deflate(std::string(10'000, 'x')).size() < 100);
    // Each message stands alone: the second is no shorter than the first.
    const std::string first{deflater.deflate("the same text")};
    CHECK(deflater.deflate("the same text") == first);
}

TEST_CASE("deflate: clients' larger windows, last blocks, and several of them", "[web]") {
    message_inflater inflater;
    const std::string far = noise(20'000);
    const std::string text = far + far;  // repeats from further away than our own window reaches
    std::string synced = deflated_to_the_end(text, Z_SYNC_FLUSH);
    CHECK(synced.size() < 30'000);
    synced.resize(synced.size() - 4);
    CHECK(inflated(inflater, synced) == "done:" + text);

    const std::string ended = deflated_to_the_end("Hello", Z_FINISH);
    CHECK(inflated(inflater, ended) == "done:Hello");
    CHECK(inflated(inflater, ended + '\0') == "done:Hello");  // as RFC 7692, section 7.2.3.4, has it
    CHECK(inflated(inflater, ended + ended) == "done:HelloHello");
    CHECK(inflated(inflater, ended + synced) == "done:Hello" + text);
}

TEST_CASE("deflate: the examples of RFC 7692, section 7.2.3", "[web]") {
    message_inflater inflater;
    CHECK(inflated(inflater, std::string_view{"\xf2\x48\xcd\xc9\xc9\x07\x00", 7}) == "done:Hello");
    CHECK(inflated(inflater, std::string_view{"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11}) == "done:Hello");
    CHECK(inflated(inflater, std::string_view{"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8}) == "done:Hello");
    CHECK(inflated(inflater, std::string_view{"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13}) ==
          "done:Hello");
    CHECK(inflated(inflater, std::string_view{"\0", 1}) == "done:");
    CHECK(inflated(inflater, "") == "done:");
}

TEST_CASE("deflate: what is no deflated message, or a part of one, is refused", "[web]") {
    message_deflater deflater;
    message_inflater inflater;
    CHECK(inflated(inflater, "\xff\xff\xff\xff") == "bad");
    CHECK(inflated(inflater, "\x06") == "bad");  // a block of the reserved kind
    const std::string body{deflater.deflate("a text that is long enough to be cut, a text that is long enough")};
    REQUIRE(inflated(inflater, body) != "bad");
    for (std::size_t size = 1; size + 1 < body.size(); ++size) {
        CAPTURE(size);
        CHECK(inflated(inflater, body.substr(0, size)) == "bad");
    }
    // The next message is not hurt.
    CHECK(inflated(inflater, deflater.deflate("x")) == "done:x");
}

TEST_CASE("deflate: a bomb takes no more memory than the limit", "[web]") {
    message_deflater deflater;
    message_inflater inflater;
    const std::string bomb{deflater.deflate(std::string(10'000'000, '0'))};
    CHECK(bomb.size() < 20'000);
    CHECK(inflated(inflater, bomb, 1'000) == "too large");
    CHECK(inflated(inflater, bomb, 9'999'999) == "too large");
    CHECK(inflated(inflater, bomb, 10'000'000).size() == 10'000'005);
}

}  // namespace bester::web
