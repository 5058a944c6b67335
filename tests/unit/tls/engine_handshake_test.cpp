#include "tls_fixture.hpp"

#include <openssl/ssl.h>
#include <fstream>
#include <tuple>

#include "tls/pem_files.hpp"

namespace bester::tls {
namespace {

/// The dialler learns of a refusal when it reads.
std::string verdict_of(engine& dialler) {
    read_all(dialler);
    return dialler.failure();
}

bool is_connected(pair& both) {
    return both.dialled == handshake_status::done && both.accepted == handshake_status::done &&
           read_all(both.dialler).end == read_status::want_more;
}

}  // namespace

TEST_CASE("engine: two servers of one authority connect, whatever the pieces of the bytes are", "[tls]") {
    test_authority ca;
    const auto piece = GENERATE(1u, 2u, 3u, 5u, 7u, 64u, 1000u, 1u << 20);
    CAPTURE(piece);
    auto both = connect(ca.link("alpha"), ca.link("b.example"), piece, "b.example");
    CHECK(is_connected(both));
    CHECK(both.dialler.peer_names() == std::vector<std::string>{"b.example"});
    CHECK(both.acceptor.peer_names() == std::vector<std::string>{"alpha"});
    CHECK(both.dialler.failure() == "");
}

TEST_CASE("engine: a name is compared whole, and with those in the subjectAltName only", "[tls]") {
    test_authority ca;
    certificate_request request;
    request.common_name = "beta";
    request.names = {"alpha", "*.example", "Gamma"};
    request.valid = some_days();
    auto both = connect(must(context::load(ca.settings("odd", request))), ca.link("b.example"));
    REQUIRE(is_connected(both));
    for (const char* name : {"alpha", "Gamma"}) CHECK(both.acceptor.peer_has_name(name));
    for (const char* name : {"beta", "alph", "alphab", "ALPHA", "gamma", "x.example", "*.example", "", "b.example"}) {
        CAPTURE(name);
        CHECK_FALSE(both.acceptor.peer_has_name(name));
    }
    CHECK(both.acceptor.peer_names() == std::vector<std::string>{"alpha", "Gamma"});
}

TEST_CASE("engine: who has no name is called by none", "[tls]") {
    test_authority ca;
    certificate_request request;
    request.common_name = "beta";
    request.valid = some_days();
    auto both = connect(must(context::load(ca.settings("odd", request))), ca.link("alpha"));
    REQUIRE(is_connected(both));
    CHECK(both.acceptor.peer_names().empty());
    CHECK_FALSE(both.acceptor.peer_has_name("beta"));
    CHECK(both.acceptor.peer_certificate()->subject == "beta");
}

TEST_CASE("engine: the certificate of a live connection is that of the file", "[tls]") {
    test_authority ca;
    auto both = connect(ca.link("alpha"), ca.link("beta"));
    const auto live = both.acceptor.peer_certificate();
    const auto stored = must(describe_file(ca.file("alpha.crt"))).front();
    REQUIRE(live);
    CHECK(live->sha256 == stored.sha256);
    CHECK(live->serial == stored.serial);
    CHECK(live->not_after == stored.not_after);
}

TEST_CASE("engine: an expired certificate is refused by both sides, with its date", "[tls]") {
    test_authority ca("test authority", {now() - std::chrono::days(200), now() + std::chrono::days(10)});
    const auto old = must(context::load(ca.settings("old", long_ago())));
    const auto date = format_time(long_ago().until).substr(0, 10);
    SECTION("the dialler's") {
        auto both = connect(old, ca.link("beta"));
        CHECK(both.accepted == handshake_status::failed);
        CHECK_THAT(both.acceptor.failure(), Catch::Contains("certificate (old) expired " + date));
        CHECK(verdict_of(both.dialler) == "the peer refused: certificate expired");
    }
    SECTION("the acceptor's") {
        auto both = connect(ca.link("beta"), old);
        CHECK(both.dialled == handshake_status::failed);
        CHECK_THAT(both.dialler.failure(), Catch::Contains("certificate (old) expired " + date));
        CHECK(both.accepted == handshake_status::failed);
        CHECK(both.acceptor.failure() == "the peer refused: certificate expired");
    }
}

TEST_CASE("engine: a certificate of the future is refused", "[tls]") {
    test_authority ca;
    const auto later = now() + std::chrono::days(3);
    const auto early = must(context::load(ca.settings("early", {later, later + std::chrono::days(1)})));
    auto both = connect(early, ca.link("beta"));
    CHECK(both.accepted == handshake_status::failed);
    CHECK_THAT(both.acceptor.failure(), Catch::Contains("(early) is good from " + format_time(later)));
}

TEST_CASE("engine: the certificate of another authority is refused, also one of the same name", "[tls]") {
    test_authority ca;
    test_authority other(GENERATE("test authority", "another authority"));
    auto settings = other.settings("alpha");
    settings.authority_files = {ca.file("ca.crt")};
    auto both = connect(must(context::load(settings)), ca.link("beta"));
    CHECK(both.accepted == handshake_status::failed);
    CHECK_THAT(both.acceptor.failure(),
               Catch::Contains("no authority trusted here") && Catch::Contains(other.authority().info().subject));
    CHECK_THAT(verdict_of(both.dialler), Catch::StartsWith("the peer refused: "));
}

TEST_CASE("engine: a self-signed certificate is refused", "[tls]") {
    test_authority ca;
    certificate_request request;
    request.common_name = "alpha";
    request.names = {"alpha"};
    request.valid = some_days();
    identity made;
    made.key = must(make_key());
    made.certificate = must(make_self_signed(request, *made.key));
    must(save_identity(made, ca.path(), "alpha"));
    auto both = connect(ca.link("alpha"), ca.link("beta"));
    CHECK(both.accepted == handshake_status::failed);
    CHECK_THAT(both.acceptor.failure(), Catch::Contains("certificate (alpha) is signed by itself"));
}

TEST_CASE("engine: a server's certificate signs no other server's", "[tls]") {
    test_authority ca;
    const auto mallory = must(ca.authority().issue("mallory", some_days()));
    certificate_request request;
    request.common_name = "alpha";
    request.names = {"alpha"};
    request.valid = some_days();
    identity forged;
    forged.key = must(make_key());
    forged.certificate = must(make_certificate(request, *forged.key, {*mallory.certificate, *mallory.key}));
    must(save_identity(forged, ca.path(), "forged"));
    auto settings = ca.settings("forged");
    std::ofstream(settings.certificate_file, std::ios::app) << to_pem(*mallory.certificate);
    auto both = connect(must(context::load(settings)), ca.link("beta"));
    CHECK(both.accepted == handshake_status::failed);
    CHECK_THAT(both.acceptor.failure(), Catch::Contains("authority (mallory)"));
}

TEST_CASE("engine: a link wants a certificate for servers and clients both", "[tls]") {
    test_authority ca;
    certificate_request request;
    request.common_name = "half";
    request.names = {"half"};
    request.valid = some_days();
    std::tie(request.is_for_servers, request.is_for_clients) =
        GENERATE(table<bool, bool>({{true, false}, {false, true}, {false, false}}));
    CAPTURE(request.is_for_servers, request.is_for_clients);
    auto settings = ca.settings("half", request);
    settings.peers = peer_rule::none;
    const auto half = must(context::load(settings));
    auto dialling = connect(half, ca.link("beta"));
    CHECK(dialling.accepted == handshake_status::failed);
    CHECK_THAT(dialling.acceptor.failure(), Catch::Contains("(half)") && Catch::Contains("extendedKeyUsage"));
    auto accepting = connect(ca.link("beta"), half);
    CHECK(accepting.dialled == handshake_status::failed);
    CHECK_THAT(accepting.dialler.failure(), Catch::Contains("(half)") && Catch::Contains("extendedKeyUsage"));
}

TEST_CASE("engine: a listener takes clients without a certificate, and they know it by the authority", "[tls]") {
    test_authority ca;
    auto listening = ca.settings("alpha");
    listening.peers = peer_rule::none;
    listening.oldest = protocol_version::tls_1_2;
    context_settings dialling;
    dialling.peers = peer_rule::its_role;
    dialling.authority_files = {ca.file("ca.crt")};
    auto both = connect(must(context::load(dialling)), must(context::load(listening)));
    CHECK(is_connected(both));
    CHECK(both.dialler.peer_has_name("alpha"));
    CHECK_FALSE(both.acceptor.peer_certificate());
    CHECK(both.acceptor.peer_names().empty());
}

TEST_CASE("engine: who shows no certificate gets no link", "[tls]") {
    test_authority ca;
    context_settings dialling;
    dialling.authority_files = {ca.file("ca.crt")};
    auto both = connect(must(context::load(dialling)), ca.link("alpha"));
    CHECK(both.accepted == handshake_status::failed);
    CHECK(both.acceptor.failure() == "the peer has shown no certificate");
    CHECK(verdict_of(both.dialler) == "the peer refused: certificate required");
}

TEST_CASE("engine: TLS 1.2 is refused by a link and taken by a listener that allows it", "[tls]") {
    test_authority ca;
    auto settings = ca.settings("alpha");
    settings.oldest = protocol_version::tls_1_2;
    const auto old = must(context::load(settings));
    SSL_CTX_set_max_proto_version(old->native(), TLS1_2_VERSION);
    auto refused = connect(old, ca.link("beta"));
    CHECK(refused.accepted == handshake_status::failed);
    CHECK(refused.acceptor.failure() == "the peer speaks no version of TLS that is allowed here");
    CHECK(refused.dialler.failure() == "the peer refused: protocol version");
    auto reversed = connect(ca.link("beta"), old);
    CHECK(reversed.dialled != handshake_status::done);
    auto taken = connect(old, must(context::load(settings)));
    CHECK(is_connected(taken));
    REQUIRE(taken.dialler.write("hello"));
    deliver(taken.dialler, taken.acceptor);
    CHECK(read_all(taken.acceptor).text == "hello");
}

TEST_CASE("engine: both agree on an application protocol, or on none", "[tls]") {
    test_authority ca;
    auto dialling = ca.settings("alpha"), accepting = ca.settings("beta");
    accepting.alpn = {"bester-link/2", "bester-link/1"};
    SECTION("common") {
        dialling.alpn = {"bester-link/1", "bester-link/2"};
        auto both = connect(must(context::load(dialling)), must(context::load(accepting)));
        CHECK(is_connected(both));
    }
    SECTION("none in common") {
        dialling.alpn = {"http/1.1"};
        auto both = connect(must(context::load(dialling)), must(context::load(accepting)));
        CHECK(both.accepted == handshake_status::failed);
        CHECK(both.acceptor.failure() == "the peer speaks another application protocol (ALPN)");
        CHECK(both.dialler.failure() == "the peer refused: no application protocol");
    }
    SECTION("the dialler says nothing") {
        auto both = connect(must(context::load(dialling)), must(context::load(accepting)));
        CHECK(is_connected(both));
    }
}

TEST_CASE("engine: connections keep their context when another one is loaded", "[tls]") {
    test_authority ca;
    auto first = ca.link("alpha");
    auto both = connect(first, ca.link("beta"));
    first.reset();
    must(renew(ca.authority(), ca.path(), "alpha", some_days(), renewed_key::fresh));
    auto renewed = connect(ca.link("alpha"), ca.link("beta"));
    CHECK(is_connected(renewed));
    REQUIRE(both.dialler.write("still here"));
    deliver(both.dialler, both.acceptor);
    CHECK(read_all(both.acceptor).text == "still here");
}

}  // namespace bester::tls
