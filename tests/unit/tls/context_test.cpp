#include "tls_fixture.hpp"

#include <sys/stat.h>
#include <fstream>

#include "tls/pem_files.hpp"

namespace bester::tls {
namespace {

/// The error of a context that must not come into being.
error failure_of(const context_settings& settings) {
    const auto made = context::load(settings);
    if (made) throw std::runtime_error("the context was made");
    return made.error();
}

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

}  // namespace

TEST_CASE("context: knows its certificate and whom it trusts", "[tls]") {
    test_authority ca;
    const auto made = ca.link("alpha");
    REQUIRE(made->certificate());
    CHECK(made->certificate()->names == std::vector<std::string>{"alpha"});
    REQUIRE(made->authorities().size() == 1);
    CHECK(made->authorities()[0].subject == "test authority");
}

TEST_CASE("context: each mistake is named with its file", "[tls]") {
    test_authority ca, other("other authority");
    auto settings = ca.settings("alpha");
    const auto check = [&](error_code code, const std::string& file, const std::string& what) {
        const auto found = failure_of(settings);
        CHECK(found.code == code);
        CHECK_THAT(found.reason, Catch::Contains(file) && Catch::Contains(what));
    };
    SECTION("no certificate file") {
        settings.certificate_file = ca.file("none.crt");
        check(error_code::file_missing, "none.crt", "No such file");
    }
    SECTION("no key file") {
        settings.key_file = ca.file("none.key");
        check(error_code::file_missing, "none.key", "No such file");
    }
    SECTION("no authority file") {
        settings.authority_files = {ca.file("none.crt")};
        check(error_code::file_missing, "none.crt", "No such file");
    }
    SECTION("a directory") {
        settings.certificate_file = ca.path();
        check(error_code::file_unreadable, ca.path(), "regular file");
    }
    SECTION("the key of another") {
        ca.settings("beta");
        settings.key_file = ca.file("beta.key");
        check(error_code::key_mismatch, "beta.key", "alpha.crt");
    }
    SECTION("a key that all may read") {
        ::chmod(settings.key_file.c_str(), 0644);
        check(error_code::key_exposed, "alpha.key", "chmod 600");
    }
    SECTION("the files exchanged") {
        std::swap(settings.certificate_file, settings.key_file);
        check(error_code::not_a_certificate, "alpha.key", "no certificate");
    }
    SECTION("a certificate for a key") {
        write(ca.file("not.key"), must(describe_file(ca.file("alpha.crt")))[0].sha256);
        ::chmod(ca.file("not.key").c_str(), 0600);
        settings.key_file = ca.file("not.key");
        check(error_code::not_a_key, "not.key", "no private key");
    }
    SECTION("no authority") {
        settings.authority_files.clear();
        check(error_code::bad_setting, "", "no authority");
    }
    SECTION("a server's certificate for the authority's") {
        settings.authority_files = {ca.file("alpha.crt")};
        check(error_code::not_an_authority, "alpha.crt", "alpha, which is no authority");
    }
    SECTION("a certificate without a key") {
        settings.key_file.clear();
        check(error_code::bad_setting, "alpha.crt", "together");
    }
    SECTION("an application protocol without a name") {
        settings.alpn = {""};
        check(error_code::bad_setting, "", "ALPN");
    }
    SECTION("for servers only") {
        certificate_request request;
        request.common_name = "half";
        request.names = {"half"};
        request.valid = some_days();
        request.is_for_clients = false;
        settings = ca.settings("half", request);
        check(error_code::certificate_unfit, "half.crt", "extendedKeyUsage");
    }
}

TEST_CASE("context: an own certificate out of its time is told with the date", "[tls]") {
    test_authority ca;
    const auto settings = ca.settings("alpha");
    const auto info = must(describe_file(settings.certificate_file)).front();
    const auto made = must(context::load(settings));
    CHECK_FALSE(made->out_of_time(info.not_after));
    CHECK_FALSE(made->out_of_time(info.not_before));
    const auto late = made->out_of_time(info.not_after + std::chrono::seconds(1)).value();
    CHECK(late.code == error_code::certificate_expired);
    CHECK_THAT(late.reason, Catch::Contains("alpha.crt") && Catch::Contains(format_time(info.not_after)));
    const auto early = made->out_of_time(info.not_before - std::chrono::seconds(1)).value();
    CHECK(early.code == error_code::certificate_not_yet_valid);
    CHECK_THAT(early.reason, Catch::Contains("alpha.crt") && Catch::Contains("clock"));
}

TEST_CASE("context: an authority that has ended may stand beside its successor, not alone", "[tls]") {
    test_authority ca, old("old authority", long_ago());
    auto settings = ca.settings("alpha");
    settings.authority_files = {old.file("ca.crt"), ca.file("ca.crt")};
    CHECK_FALSE(must(context::load(settings))->out_of_time(now()));
    settings.authority_files = {old.file("ca.crt")};
    const auto found = must(context::load(settings))->out_of_time(now()).value();
    CHECK(found.code == error_code::certificate_expired);
    CHECK_THAT(found.reason, Catch::Contains(old.file("ca.crt")));
}

TEST_CASE("context: servers of two authorities link while both are trusted", "[tls]") {
    test_authority first, second("second authority");
    auto one = first.settings("alpha"), two = second.settings("beta");
    one.authority_files = two.authority_files = {first.file("ca.crt"), second.file("ca.crt")};
    auto both = connect(must(context::load(one)), must(context::load(two)));
    CHECK(both.accepted == handshake_status::done);
}

}  // namespace bester::tls
