#include "tls_fixture.hpp"

#include <openssl/ssl.h>
#include <thread>

namespace bester::tls {
namespace {

pair linked(std::size_t piece = 1 << 20) {
    test_authority ca;
    auto both = connect(ca.link("alpha"), ca.link("beta"), piece);
    REQUIRE(both.dialled == handshake_status::done);
    REQUIRE(both.accepted == handshake_status::done);
    return both;
}

/// Bytes that say where they are.
std::string numbered(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 131 + (i >> 8) * 7 + (i >> 16));
    return text;
}

}  // namespace

TEST_CASE("engine: what is written arrives, whatever the pieces of the bytes are", "[tls]") {
    const auto piece = GENERATE(1u, 2u, 3u, 17u, 100u, 4096u, 16401u);
    const auto buffer = GENERATE(1u, 100u, 1u << 16);
    CAPTURE(piece, buffer);
    auto both = linked();
    const auto text = numbered(20'000);
    REQUIRE(both.dialler.write(text));
    deliver(both.dialler, both.acceptor, piece);
    const auto got = read_all(both.acceptor, buffer);
    CHECK(got.end == read_status::want_more);
    CHECK(got.text == text);
}

TEST_CASE("engine: writes of any sizes keep their order across records", "[tls]") {
    auto both = linked();
    const auto text = numbered(300'000);
    std::size_t at = 0;
    for (const std::size_t size :
         {1u, 16'383u, 1u, 16'384u, 16'385u, 0u, 100u, 50'000u, 16'284u, 100u, 32'768u, 100'000u}) {
        REQUIRE(both.acceptor.write(text.substr(at, size)));
        at += size;
    }
    REQUIRE(both.acceptor.write(text.substr(at)));
    deliver(both.acceptor, both.dialler, 5'000);
    CHECK(read_all(both.dialler).text == text);
}

TEST_CASE("engine: small writes become one record", "[tls]") {
    auto both = linked();
    for (int i = 0; i < 100; ++i) REQUIRE(both.dialler.write("0123456789"));
    CHECK(both.dialler.waiting_size() == 1'000);
    const auto size = both.dialler.pending_output().size();
    CHECK(size > 1'000);
    CHECK(size < 1'050);
    CHECK(both.dialler.waiting_size() == size);
}

TEST_CASE("engine: 20 MB in both directions at once, sent in uneven pieces", "[tls]") {
    auto both = linked();
    const auto text = numbered(1'000'000);
    std::string wire, got_there, got_back;
    for (int round = 0; round < 20; ++round) {
        REQUIRE(both.dialler.write(text));
        REQUIRE(both.acceptor.write(text));
        std::size_t step = 777;
        while (both.dialler.waiting_size() > 0) {
            const auto pending = both.dialler.pending_output();
            const auto size = std::min(pending.size(), step);
            wire.assign(pending.substr(0, size));
            both.dialler.consume_output(size);
            both.acceptor.receive(wire);
            got_there += read_all(both.acceptor).text;
            step = step * 3 % 65'521;
        }
        deliver(both.acceptor, both.dialler);
        got_back += read_all(both.dialler).text;
        REQUIRE(got_there == text);
        REQUIRE(got_back == text);
        got_there.clear();
        got_back.clear();
    }
}

TEST_CASE("engine: output that is sent in parts stays in order", "[tls]") {
    auto both = linked();
    std::string wire;
    for (int i = 0; i < 50; ++i) {
        REQUIRE(both.dialler.write(numbered(1'000)));
        const auto half = both.dialler.pending_output().size() / 3;
        wire += both.dialler.pending_output().substr(0, half);
        both.dialler.consume_output(half);
    }
    both.dialler.take_output(wire);
    CHECK(both.dialler.pending_output().empty());
    both.acceptor.receive(wire);
    const auto got = read_all(both.acceptor).text;
    REQUIRE(got.size() == 50'000);
    CHECK(got.substr(49'000) == numbered(1'000));
}

TEST_CASE("engine: taking turns with two strings copies nothing", "[tls]") {
    auto both = linked();
    REQUIRE(both.dialler.write("one"));
    const char* where = both.dialler.pending_output().data();
    std::string wire;
    wire.reserve(1'000);
    both.dialler.take_output(wire);
    CHECK(wire.data() == where);
    CHECK(both.dialler.waiting_size() == 0);
}

TEST_CASE("engine: a reader may stop in the middle and come back", "[tls]") {
    auto both = linked();
    const auto text = numbered(60'000);
    REQUIRE(both.dialler.write(text));
    std::string wire;
    both.dialler.take_output(wire);
    both.acceptor.receive(wire);
    std::string piece(10, '\0');
    REQUIRE(both.acceptor.read(piece).size == 10);
    std::string got = piece;
    both.acceptor.keep_input();
    wire.assign(wire.size(), '?');
    REQUIRE(both.dialler.write("and more"));
    deliver(both.dialler, both.acceptor, 1);
    REQUIRE(both.acceptor.read(piece).size == 10);
    got += piece;
    both.acceptor.keep_input();
    got += read_all(both.acceptor).text;
    CHECK(got == text + "and more");
}

TEST_CASE("engine: what is written before the handshake is done goes out after it", "[tls]") {
    test_authority ca;
    auto dialler = engine::connect(ca.link("alpha"), "beta");
    auto acceptor = engine::accept(ca.link("beta"));
    const auto text = numbered(40'000);
    REQUIRE(dialler.write(text));
    REQUIRE(acceptor.write("welcome"));
    std::string buffer(10, '\0');
    CHECK(dialler.read(buffer).status == read_status::want_more);
    CHECK(dialler.handshake() == handshake_status::want_more);
    for (int round = 0; round < 3; ++round) {
        deliver(dialler, acceptor);
        deliver(acceptor, dialler);
    }
    CHECK(read_all(acceptor).text == text);
    CHECK(read_all(dialler).text == "welcome");
}

TEST_CASE("engine: memory that is given back is taken again when needed", "[tls]") {
    auto both = linked();
    for (int round = 0; round < 3; ++round) {
        REQUIRE(both.dialler.write(numbered(30'000)));
        both.dialler.release_memory();
        deliver(both.dialler, both.acceptor, 1'000);
        both.acceptor.release_memory();
        CHECK(read_all(both.acceptor).text == numbered(30'000));
        both.acceptor.release_memory();
        both.dialler.release_memory();
    }
}

TEST_CASE("engine: can be moved in the middle of everything, also to another thread", "[tls]") {
    test_authority ca;
    auto dialler = engine::connect(ca.link("alpha"), "");
    auto acceptor = engine::accept(ca.link("beta"));
    for (int round = 0; round < 3; ++round) {
        dialler.handshake();
        auto moved = std::move(dialler);
        deliver(moved, acceptor, 50);
        dialler = std::move(moved);
        deliver(acceptor, dialler, 50);
    }
    REQUIRE(dialler.is_handshake_done());
    REQUIRE(dialler.write("half of it"));
    std::string wire;
    dialler.take_output(wire);
    acceptor.receive(std::string_view(wire).substr(0, 7));
    CHECK(read_all(acceptor).end == read_status::want_more);
    std::string got;
    std::thread([&, there = std::move(acceptor)]() mutable {
        there.receive(std::string_view(wire).substr(7));
        got = read_all(there).text;
        acceptor = std::move(there);
    }).join();
    CHECK(got == "half of it");
    REQUIRE(acceptor.write("back"));
    deliver(acceptor, dialler);
    CHECK(read_all(dialler).text == "back");
}

TEST_CASE("engine: a ticket that comes in several records does not disturb what is written", "[tls]") {
    test_authority ca;
    auto settings = ca.settings("beta");
    const auto talkative = must(context::load(settings));
    SSL_CTX_clear_options(talkative->native(), SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(talkative->native(), 2);
    SSL_CTX_set_max_send_fragment(talkative->native(), 512);
    SSL_CTX_set_session_id_context(talkative->native(), reinterpret_cast<const unsigned char*>("x"), 1);
    auto dialler = engine::connect(ca.link("alpha"), "");
    auto acceptor = engine::accept(talkative);
    dialler.handshake();
    deliver(dialler, acceptor);
    deliver(acceptor, dialler);
    deliver(dialler, acceptor);
    REQUIRE(acceptor.is_handshake_done());
    std::string tickets;
    acceptor.take_output(tickets);
    REQUIRE(tickets.size() > 1'024);
    for (const char each : tickets) {
        dialler.receive({&each, 1});
        CHECK(read_all(dialler).end == read_status::want_more);
        REQUIRE(dialler.write("x"));
        static_cast<void>(dialler.pending_output());
    }
    CHECK(dialler.failure() == "");
    CHECK(dialler.is_handshake_done());
    deliver(dialler, acceptor);
    CHECK(read_all(acceptor).text == std::string(tickets.size(), 'x'));
}

}  // namespace bester::tls
