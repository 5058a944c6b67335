#include "tls_fixture.hpp"

#include <set>

#include "tls/pem_files.hpp"

namespace bester::tls {

TEST_CASE("certificate authority: what it makes says what it should", "[tls]") {
    const auto ca = must(certificate_authority::create("Our authority", some_days()));
    const auto own = ca.info();
    CHECK(own.subject == "Our authority");
    CHECK(own.issuer == "Our authority");
    CHECK(own.is_authority);
    CHECK_FALSE(own.is_for_servers);
    CHECK(own.names.empty());
    CHECK(own.sha256.size() == 95);
    const auto valid = valid_for(std::chrono::days(10), now());
    const auto made = must(ca.issue("a.example", valid));
    const auto info = describe(*made.certificate);
    CHECK(info.names == std::vector<std::string>{"a.example"});
    CHECK(info.issuer == "Our authority");
    CHECK_FALSE(info.is_authority);
    CHECK(info.is_for_servers);
    CHECK(info.is_for_clients);
    CHECK(info.not_before == valid.from);
    CHECK(info.not_after == valid.until);
    CHECK(info.serial.size() == 32);
    CHECK(ca.has_issued(*made.certificate));
}

TEST_CASE("certificate authority: the validity begins a little earlier", "[tls]") {
    const std::chrono::sys_seconds noon(std::chrono::seconds(1'000'000));
    const auto valid = valid_for(std::chrono::days(2), noon);
    CHECK(valid.from == noon - std::chrono::minutes(5));
    CHECK(valid.until == noon + std::chrono::days(2));
}

TEST_CASE("certificate authority: days left are whole, and negative after the end", "[tls]") {
    certificate_info info;
    info.not_after = std::chrono::sys_seconds(std::chrono::days(100));
    const auto left = [&](auto before) { return days_left(info, info.not_after - before); };
    CHECK(left(std::chrono::hours(49)) == 2);
    CHECK(left(std::chrono::hours(48)) == 2);
    CHECK(left(std::chrono::hours(1)) == 0);
    CHECK(left(std::chrono::hours(-1)) == -1);
    CHECK(left(std::chrono::hours(-25)) == -2);
}

TEST_CASE("certificate authority: times far away are kept", "[tls]") {
    // 2050 is where one form of a date in a certificate ends and the other begins.
    for (const auto days : {1'000, 29'000, 30'000, 100'000}) {
        CAPTURE(days);
        const auto valid = valid_for(std::chrono::days(days), now());
        const auto ca = must(certificate_authority::create("far", valid));
        CHECK(ca.info().not_after == valid.until);
        CHECK(ca.info().not_before == valid.from);
    }
    CHECK(format_time(std::chrono::sys_seconds(std::chrono::seconds(1'767'225'599))) == "2025-12-31T23:59:59Z");
}

TEST_CASE("certificate authority: no serial comes twice", "[tls]") {
    const auto ca = must(certificate_authority::create("x", some_days()));
    std::set<std::string> serials;
    for (int i = 0; i < 50; ++i) serials.insert(describe(*must(ca.issue("a", some_days())).certificate).serial);
    CHECK(serials.size() == 50);
}

TEST_CASE("certificate authority: no certificate outlives the authority's", "[tls]") {
    const auto ca = must(certificate_authority::create("short", valid_for(std::chrono::days(3), now())));
    const auto made = must(ca.issue("a", valid_for(std::chrono::days(365), now())));
    CHECK(describe(*made.certificate).not_after == ca.info().not_after);
    const auto ended = must(certificate_authority::create("ended", long_ago()));
    const auto refused = ended.issue("a", some_days());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == error_code::certificate_expired);
}

TEST_CASE("certificate authority: what cannot be a server's name is refused", "[tls]") {
    const auto ca = must(certificate_authority::create("x", some_days()));
    for (const std::string name : {"", "a b", "a/b", "*.example", "a,DNS:b", ".hidden", "ca", "..", "\xc3\xa4"}) {
        CAPTURE(name);
        const auto made = ca.issue(name, some_days());
        REQUIRE_FALSE(made);
        CHECK(made.error().code == error_code::bad_name);
    }
    CHECK_FALSE(ca.issue(std::string(65, 'a'), some_days()));
    CHECK(ca.issue(std::string(64, 'a'), some_days()));
    for (const std::string name : {"alpha", "A.example", "a_b-c.d", "CA"}) CHECK(ca.issue(name, some_days()));
    CHECK_FALSE(certificate_authority::create("", some_days()));
    CHECK_FALSE(certificate_authority::create("two\nlines", some_days()));
}

TEST_CASE("certificate authority: is saved once and loaded again", "[tls]") {
    temporary_directory directory;
    const auto path = directory.file("ca");
    const auto ca = must(certificate_authority::create("Our authority", some_days()));
    must(ca.save(path));
    const auto loaded = must(certificate_authority::load(path));
    CHECK(loaded.info().sha256 == ca.info().sha256);
    CHECK(loaded.has_issued(*must(ca.issue("a", some_days())).certificate));
    const auto again = must(certificate_authority::create("Another", some_days())).save(path);
    REQUIRE_FALSE(again);
    CHECK(again.error().code == error_code::file_exists);
    CHECK(must(certificate_authority::load(path)).info().sha256 == ca.info().sha256);
}

TEST_CASE("certificate authority: is not loaded from the wrong files", "[tls]") {
    test_authority ca, other;
    const auto load = [&] { return certificate_authority::load(ca.path()); };
    SECTION("no directory") {
        CHECK(certificate_authority::load(ca.file("none")).error().code == error_code::file_missing);
    }
    SECTION("another's key") {
        std::filesystem::copy_file(other.file("ca.key"), ca.file("ca.key"),
                                   std::filesystem::copy_options::overwrite_existing);
        CHECK(load().error().code == error_code::key_mismatch);
    }
    SECTION("a server's certificate") {
        ca.settings("alpha");
        std::filesystem::copy_file(ca.file("alpha.crt"), ca.file("ca.crt"),
                                   std::filesystem::copy_options::overwrite_existing);
        CHECK(load().error().code == error_code::not_an_authority);
    }
}

TEST_CASE("certificate authority: an identity is never saved over another", "[tls]") {
    test_authority ca;
    const auto before = (ca.settings("alpha"), must(describe_file(ca.file("alpha.crt"))).front().sha256);
    const auto made = must(ca.authority().issue("alpha", some_days()));
    CHECK(save_identity(made, ca.path(), "alpha").error().code == error_code::file_exists);
    CHECK(must(describe_file(ca.file("alpha.crt"))).front().sha256 == before);
    SECTION("also if one of its files is gone, and leaves nothing behind") {
        std::filesystem::remove(ca.file("alpha.key"));
        CHECK(save_identity(made, ca.path(), "alpha").error().code == error_code::file_exists);
        CHECK_FALSE(std::filesystem::exists(ca.file("alpha.key")));
    }
}

TEST_CASE("certificate authority: renews for the same name, with the same key or a fresh one", "[tls]") {
    test_authority ca;
    ca.settings("alpha");
    const auto before = must(describe_file(ca.file("alpha.crt"))).front();
    const auto key_before = to_pem(*must(read_key(ca.file("alpha.key"))));
    const auto which = GENERATE(renewed_key::same, renewed_key::fresh);
    const auto renewed =
        must(renew(ca.authority(), ca.path(), "alpha", valid_for(std::chrono::days(20), now()), which));
    const auto stored = must(describe_file(ca.file("alpha.crt"))).front();
    CHECK(renewed.sha256 == stored.sha256);
    CHECK(stored.names == before.names);
    CHECK(stored.serial != before.serial);
    CHECK(stored.not_after != before.not_after);
    CHECK((to_pem(*must(read_key(ca.file("alpha.key")))) == key_before) == (which == renewed_key::same));
    CHECK(context::load(ca.settings("alpha")));
}

TEST_CASE("certificate authority: renews only what it has issued, and what is there", "[tls]") {
    test_authority ca, other;
    const auto refused = [&](const std::string& name) {
        const auto outcome = renew(ca.authority(), ca.path(), name, some_days(), renewed_key::same);
        REQUIRE_FALSE(outcome);
        return outcome.error().code;
    };
    CHECK(refused("nobody") == error_code::file_missing);
    CHECK(refused("../x") == error_code::bad_name);
    must(save_identity(must(other.authority().issue("beta", some_days())), ca.path(), "beta"));
    CHECK(refused("beta") == error_code::wrong_authority);
    must(save_identity(must(ca.authority().issue("gamma", some_days())), ca.path(), "delta"));
    CHECK(refused("delta") == error_code::bad_name);
    ca.settings("alpha");
    std::filesystem::remove(ca.file("alpha.key"));
    CHECK(refused("alpha") == error_code::file_missing);
}

}  // namespace bester::tls
