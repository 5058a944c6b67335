#include <catch2/catch.hpp>
#include <vector>

#include "web/proxy_header.hpp"

namespace bester::web {

namespace {

const std::string signature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string binary(unsigned command, unsigned family, const std::string& addresses, std::size_t length) {
    return signature + static_cast<char>(command) + static_cast<char>(family) + static_cast<char>(length >> 8) +
           static_cast<char>(length & 0xff) + addresses;
}
std::string binary(unsigned command, unsigned family, const std::string& addresses) {
    return binary(command, family, addresses, addresses.size());
}

const std::string tcp4("\xc0\x00\x02\x01\x0a\x00\x00\x01\x13\x88\x01\xbb", 12);
const std::string tcp6(
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\x13\x88\x01\xbb", 36);
const std::string mapped("\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\2\x13\x88\x01\xbb",
                         36);

std::string decode(const std::vector<std::string_view>& pieces) {
    proxy_header_decoder decoder;
    proxy_source source;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        const proxy_found found = decoder.decode(pieces[i], source);
        if (found.status == proxy_status::failed) {
            CHECK(decoder.decode("PROXY UNKNOWN\r\n", source).status == proxy_status::failed);
            return "failed";
        }
        if (found.status == proxy_status::need_more) {
            CHECK(found.consumed == pieces[i].size());
            continue;
        }
        std::string rest{pieces[i].substr(found.consumed)};
        for (std::size_t later = i + 1; later < pieces.size(); ++later) rest += pieces[later];
        return (source.address.empty() ? "own" : source.address + " " + std::to_string(source.port)) + "|" + rest;
    }
    return "need more";
}

/// The same wherever it is cut.
void check(const std::string& bytes, const std::string& expected) {
    CAPTURE(bytes);
    CHECK(decode({bytes}) == expected);
    const std::string_view view{bytes};
    for (std::size_t cut = 0; cut <= view.size(); ++cut) {
        CAPTURE(cut);
        REQUIRE(decode({view.substr(0, cut), view.substr(cut)}) == expected);
    }
    std::vector<std::string_view> each;
    for (std::size_t i = 0; i < view.size(); ++i) each.push_back(view.substr(i, 1));
    CHECK(decode(each) == expected);
}

}  // namespace

TEST_CASE("proxy header: version 1", "[web]") {
    check("PROXY TCP4 192.0.2.1 10.0.0.1 5000 443\r\nGET / HTTP/1.1\r\n", "192.0.2.1 5000|GET / HTTP/1.1\r\n");
    check("PROXY TCP6 2001:DB8:0::1 2001:db8::2 5000 443\r\nx", "2001:db8::1 5000|x");
    check("PROXY TCP6 ::ffff:192.0.2.1 ::1 0 65535\r\n", "192.0.2.1 0|");
    check("PROXY UNKNOWN\r\nx", "own|x");
    check("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\nx", "own|x");
}

TEST_CASE("proxy header: version 2", "[web]") {
    check(binary(0x21, 0x11, tcp4) + "rest", "192.0.2.1 5000|rest");
    check(binary(0x21, 0x21, tcp6) + "rest", "2001:db8::1 5000|rest");
    check(binary(0x21, 0x21, mapped) + "rest", "192.0.2.1 5000|rest");
    check(binary(0x21, 0x11, tcp4 + std::string("\x04\0\x03xyz", 6)) + "rest", "192.0.2.1 5000|rest");
    check(binary(0x20, 0x00, "") + "rest", "own|rest");
    check(binary(0x20, 0x11, tcp4) + "rest", "own|rest");
    check(binary(0x21, 0x00, "something") + "rest", "own|rest");
    check(binary(0x21, 0x31, std::string(216, 'u')) + "rest", "own|rest");
    check(binary(0x21, 0x11, tcp4 + std::string(520 - 12, 't')) + "rest", "192.0.2.1 5000|rest");
}

TEST_CASE("proxy header: what is none, or wrong, or too long is refused", "[web]") {
    for (const std::string& bytes : std::vector<std::string>{"GET / HTTP/1.1\r\n",
                                                             "PROXYTCP4",
                                                             "proxy TCP4 1.2.3.4 1.2.3.4 1 1\r\n",
                                                             "PROXY \r\n",
                                                             "PROXY TCP4\r\n",
                                                             "PROXY TCP5 1.2.3.4 1.2.3.4 1 1\r\n",
                                                             "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
                                                             "PROXY TCP4 1.2.3.4 1.2.3.4 1 1 1\r\n",
                                                             "PROXY TCP4  1.2.3.4 1.2.3.4 1 1\r\n",
                                                             "PROXY TCP4 1.2.3.4 1.2.3.4 1 1 \r\n",
                                                             "PROXY TCP4 1.2.3.256 1.2.3.4 1 1\r\n",
                                                             "PROXY TCP4 ::1 ::1 1 1\r\n",
                                                             "PROXY TCP6 1.2.3.4 1.2.3.4 1 1\r\n",
                                                             "PROXY TCP4 1.2.3.4 x 1 1\r\n",
                                                             "PROXY TCP4 1.2.3.4 1.2.3.4 65536 1\r\n",
                                                             "PROXY TCP4 1.2.3.4 1.2.3.4 01 1\r\n",
                                                             "PROXY TCP4 1.2.3.4 1.2.3.4 -1 1\r\n",
                                                             "PROXY TCP4 1.2.3.4 1.2.3.4 1 1x\r\n",
                                                             "PROXY TCP4 1.2.3.4 1.2.3.4 1 \r\n",
                                                             "PROXY UNKNOWNX\r\n",
                                                             "PROXY UNKNOWN " + std::string(120, 'x'),
                                                             binary(0x22, 0x11, tcp4),
                                                             binary(0x11, 0x11, tcp4),
                                                             binary(0x21, 0x12, tcp4),
                                                             binary(0x21, 0x11, tcp4.substr(1)),
                                                             binary(0x21, 0x21, tcp4),
                                                             binary(0x21, 0x31, tcp4),
                                                             binary(0x21, 0x11, tcp4, 521),
                                                             binary(0x21, 0x11, tcp4, 65'535),
                                                             signature.substr(0, 11) + "x"}) {
        check(bytes, "failed");
    }
    CHECK(decode({signature}) == "need more");
    CHECK(decode({"PROXY TCP4 1.2"}) == "need more");
}

TEST_CASE("proxy header: addresses are written in one way", "[web]") {
    CHECK(normal_address("192.0.2.1") == "192.0.2.1");
    CHECK(normal_address(" 192.0.2.1:5000 ") == "192.0.2.1");
    CHECK(normal_address("2001:DB8:0:0::1") == "2001:db8::1");
    CHECK(normal_address("\"[2001:db8::1]:5000\"") == "2001:db8::1");
    CHECK(normal_address("[::1]") == "::1");
    CHECK(normal_address("::ffff:192.0.2.1") == "192.0.2.1");
    for (const std::string_view text :
         {"", "x", "unknown", "1.2.3", "1.2.3.4:", "1.2.3.4:x", "[::1", "[1.2.3.4]", "[::1]x", "::1::", "\"1.2.3.4"})
        CHECK_FALSE(normal_address(text));
}

TEST_CASE("forwarded for: the last address that no proxy of ours wrote itself", "[web]") {
    const auto is_trusted = [](std::string_view address) { return address.starts_with("10."); };
    CHECK(forwarded_for("192.0.2.1", is_trusted) == "192.0.2.1");
    CHECK(forwarded_for("192.0.2.1, 10.0.0.1", is_trusted) == "192.0.2.1");
    CHECK(forwarded_for("198.51.100.7, 192.0.2.1, 10.0.0.1,10.0.0.2", is_trusted) == "192.0.2.1");
    CHECK(forwarded_for("10.0.0.1, 10.0.0.2", is_trusted) == "10.0.0.1");
    CHECK(forwarded_for("[2001:db8::1]:99, 10.0.0.2", is_trusted) == "2001:db8::1");
    // What a client makes up stands further left than what the proxy saw.
    CHECK(forwarded_for("nonsense, 192.0.2.1, 10.0.0.2", is_trusted) == "192.0.2.1");
    CHECK_FALSE(forwarded_for("192.0.2.1, nonsense, 10.0.0.2", is_trusted));
    CHECK_FALSE(forwarded_for("192.0.2.1, ", is_trusted));
    CHECK_FALSE(forwarded_for("", is_trusted));
}

}  // namespace bester::web
