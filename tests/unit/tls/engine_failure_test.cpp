#include "tls_fixture.hpp"

#include <random>

namespace bester::tls {
namespace {

pair linked() {
    test_authority ca;
    auto both = connect(ca.link("alpha"), ca.link("beta"));
    REQUIRE(both.accepted == handshake_status::done);
    return both;
}

}  // namespace

TEST_CASE("engine: a farewell is told from a cut", "[tls]") {
    auto both = linked();
    REQUIRE(both.dialler.write("last words"));
    std::string buffer(100, '\0');
    SECTION("farewell") {
        both.dialler.shutdown();
        both.dialler.shutdown();
        CHECK_FALSE(both.dialler.write("too late"));
        deliver(both.dialler, both.acceptor);
        both.acceptor.end_input();
        CHECK(both.acceptor.read(buffer).size == 10);
        CHECK(both.acceptor.read(buffer).status == read_status::closed);
        CHECK(both.acceptor.read(buffer).status == read_status::closed);
        CHECK(both.acceptor.failure() == "");
        // The other direction is still open.
        REQUIRE(both.acceptor.write("answer"));
        deliver(both.acceptor, both.dialler);
        CHECK(read_all(both.dialler).text == "answer");
    }
    SECTION("farewell, the transport still open") {
        both.dialler.shutdown();
        deliver(both.dialler, both.acceptor);
        CHECK(both.acceptor.read(buffer).size == 10);
        CHECK(both.acceptor.read(buffer).status == read_status::closed);
    }
    SECTION("cut between records") {
        deliver(both.dialler, both.acceptor);
        both.acceptor.end_input();
        const auto got = read_all(both.acceptor);
        CHECK(got.text == "last words");
        CHECK(got.end == read_status::failed);
        CHECK_THAT(both.acceptor.failure(), Catch::Contains("cut"));
        CHECK_FALSE(both.acceptor.write("anybody?"));
    }
}

TEST_CASE("engine: a record that was cut anywhere yields nothing and fails", "[tls]") {
    auto both = linked();
    std::string wire;
    REQUIRE(both.dialler.write("first"));
    both.dialler.take_output(wire);
    const auto first = wire.size();
    REQUIRE(both.dialler.write("second"));
    both.dialler.take_output(wire);
    for (std::size_t size = 0; size <= wire.size(); ++size) {
        CAPTURE(size, first);
        auto other = linked();
        REQUIRE(other.dialler.write("first"));
        std::string sent;
        other.dialler.take_output(sent);
        REQUIRE(other.dialler.write("second"));
        other.dialler.take_output(sent);
        REQUIRE(sent.size() == wire.size());
        other.acceptor.receive(std::string_view(sent).substr(0, size));
        other.acceptor.end_input();
        const auto got = read_all(other.acceptor);
        CHECK(got.text == (size == wire.size() ? "firstsecond" : size >= first ? "first" : ""));
        CHECK(got.end == read_status::failed);
    }
}

TEST_CASE("engine: a handshake that is cut anywhere fails", "[tls]") {
    test_authority ca;
    const auto alpha = ca.link("alpha"), beta = ca.link("beta");
    auto dialler = engine::connect(alpha, "beta");
    dialler.handshake();
    std::string hello;
    dialler.take_output(hello);
    for (std::size_t size = 0; size < hello.size(); ++size) {
        CAPTURE(size);
        auto acceptor = engine::accept(beta);
        acceptor.receive(std::string_view(hello).substr(0, size));
        CHECK(acceptor.handshake() == handshake_status::want_more);
        acceptor.end_input();
        CHECK(acceptor.handshake() == handshake_status::failed);
        CHECK(acceptor.handshake() == handshake_status::failed);
        CHECK(acceptor.failure() != "");
    }
}

TEST_CASE("engine: any flipped bit of a record is found", "[tls]") {
    auto probe = linked();
    REQUIRE(probe.dialler.write("precious"));
    const auto size = probe.dialler.pending_output().size();
    for (std::size_t at = 0; at < size; ++at) {
        CAPTURE(at);
        auto both = linked();
        REQUIRE(both.dialler.write("precious"));
        std::string wire;
        both.dialler.take_output(wire);
        wire[at] = static_cast<char>(wire[at] ^ 1);
        both.acceptor.receive(wire);
        both.acceptor.end_input();
        const auto got = read_all(both.acceptor);
        CHECK(got.end == read_status::failed);
        CHECK(got.text == "");
        CHECK(both.acceptor.failure() != "");
    }
}

TEST_CASE("engine: what is not TLS is refused in words", "[tls]") {
    test_authority ca;
    const auto rules = ca.link("alpha");
    SECTION("HTTP") {
        auto acceptor = engine::accept(rules);
        acceptor.receive("GET / HTTP/1.1\r\nHost: alpha\r\n\r\n");
        CHECK(acceptor.handshake() == handshake_status::failed);
        CHECK(acceptor.failure() == "what the peer speaks is not TLS");
    }
    SECTION("a bester frame, to the dialler") {
        auto dialler = engine::connect(rules, "");
        dialler.handshake();
        dialler.receive(std::string_view("\x10\0\0\0{\"header\":{}}   ", 20));
        CHECK(dialler.handshake() == handshake_status::failed);
        CHECK(dialler.failure() != "");
    }
    SECTION("garbage") {
        std::mt19937 random(7);
        for (int round = 0; round < 300; ++round) {
            std::string garbage(200 + random() % 2'000, '\0');
            for (auto& each : garbage) each = static_cast<char>(random());
            // Some of it looks like the head of a record.
            if (round % 2 == 0) garbage.replace(0, 5, std::string("\x16\x03\x01\x00\x80", 5));
            auto acceptor = engine::accept(rules);
            acceptor.receive(garbage);
            acceptor.handshake();
            acceptor.end_input();
            CHECK(acceptor.handshake() == handshake_status::failed);
            CHECK(acceptor.pending_output().size() < 100);
        }
    }
}

TEST_CASE("engine: after a failure it takes and gives nothing more", "[tls]") {
    test_authority ca;
    auto acceptor = engine::accept(ca.link("alpha"));
    acceptor.receive("nonsense, nonsense, nonsense");
    REQUIRE(acceptor.handshake() == handshake_status::failed);
    const auto reason = acceptor.failure();
    acceptor.consume_output(acceptor.pending_output().size());
    acceptor.receive("more");
    std::string buffer(10, '\0');
    CHECK(acceptor.read(buffer).status == read_status::failed);
    CHECK_FALSE(acceptor.write("x"));
    acceptor.shutdown();
    acceptor.release_memory();
    CHECK(acceptor.pending_output().empty());
    CHECK(acceptor.failure() == reason);
    CHECK_FALSE(acceptor.is_handshake_done());
    CHECK_FALSE(acceptor.peer_certificate());
}

}  // namespace bester::tls
