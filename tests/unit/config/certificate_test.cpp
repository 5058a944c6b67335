#include <catch2/catch.hpp>

#include <chrono>
#include <filesystem>

#include "support.hpp"
#include "tls/certificate_authority.hpp"
#include "tls/pem_files.hpp"

using namespace bester;
using namespace bester::config;
using std::chrono::days;

namespace {

std::chrono::sys_seconds now() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

/// An authority and certificates of it in a folder, and the check of a config that names them.
class certified_folder {
public:
    certified_folder() { REQUIRE(authority_.save(folder_.path())); }

    void issue(const std::string& name, tls::validity valid) const {
        const auto made = authority_.issue(name, valid).value();
        REQUIRE(tls::save_identity(made, folder_.path(), name));
    }

    void save(const std::string& name, const tls::handle<X509>& certificate, const tls::handle<EVP_PKEY>& key) const {
        folder_.write(name + ".crt", tls::to_pem(*certificate));
        folder_.write(name + ".key", tls::to_pem(*key), 0600);
    }

    /// Keys are lines of their own, from line 2.
    std::string report(const std::string& certificate, const std::string& key, const std::string& authority) const {
        const auto result =
            parse("{\"peering\": {\n\"certificate\": \"" + certificate + "\",\n\"key\": \"" + key +
                      "\",\n\"authority\": \"" + authority + "\"}, \"handlers\": {\"h\": {\"start\": \"manual\"}}}",
                  "f", folder_.path(), test_machine());
        CHECK(result.config.has_value() == result.mistakes.empty());
        std::string text = result.report();
        for (auto at = text.find(folder_.path()); at != std::string::npos; at = text.find(folder_.path())) {
            text.replace(at, folder_.path().size(), "DIR");
        }
        return text;
    }

    std::string report(const std::string& server) const { return report(server + ".crt", server + ".key", "ca.crt"); }

    const temporary_folder& folder() const { return folder_; }

private:
    temporary_folder folder_;
    tls::certificate_authority authority_ =
        tls::certificate_authority::create("test", tls::valid_for(days{1'000}, now())).value();
};

}  // namespace

TEST_CASE("config certificates: good ones are not spoken of, and their paths become absolute", "[config]") {
    const certified_folder certified;
    certified.issue("home", tls::valid_for(days{365}, now()));
    CHECK(certified.report("home").empty());
    const auto result = parse(R"({"peering": {"certificate": "home.crt", "key": "./home.key", "authority": "ca.crt",
                                  "listen": ["0.0.0.0:7000"]}, "peers": {"b": {"addresses": ["b:1"], "types": ["*"]}}})",
                              "f", certified.folder().path(), test_machine());
    INFO(result.report());
    REQUIRE(result.config);
    CHECK(result.config->peering.certificate == certified.folder().path() + "/home.crt");
    CHECK(result.config->peering.key == certified.folder().path() + "/home.key");
    CHECK(result.config->peering.authority == certified.folder().path() + "/ca.crt");
}

TEST_CASE("config certificates: all files that cannot be read are told at once", "[config]") {
    const certified_folder certified;
    CHECK(certified.report("none.crt", "none.key", "none") ==
          "f:2:16: peering.certificate: DIR/none.crt: No such file or directory; `bester ca issue` makes it\n"
          "f:3:8: peering.key: DIR/none.key: No such file or directory; `bester ca issue` makes it\n"
          "f:4:14: peering.authority: DIR/none: No such file or directory; `bester ca issue` makes it\n");
    certified.folder().write("text", "hello", 0600);
    const auto text = certified.report("text", "text", "text");
    for (const char* key : {"peering.certificate", "peering.key", "peering.authority"})
        CHECK_THAT(text, Catch::Contains(key));
}

TEST_CASE("config certificates: a key that others may read is refused", "[config]") {
    const certified_folder certified;
    certified.issue("home", tls::valid_for(days{365}, now()));
    std::filesystem::permissions(certified.folder().path() + "/home.key", std::filesystem::perms{0644});
    CHECK_THAT(certified.report("home"), Catch::StartsWith("f:3:8: peering.key: DIR/home.key"));
}

TEST_CASE("config certificates: the key must be that of the certificate", "[config]") {
    const certified_folder certified;
    certified.issue("home", tls::valid_for(days{365}, now()));
    certified.issue("away", tls::valid_for(days{365}, now()));
    CHECK_THAT(certified.report("home.crt", "away.key", "ca.crt"),
               Catch::StartsWith("f:3:8: peering.key: DIR/away.key: is not the key of the certificate"));
}

TEST_CASE("config certificates: the name must be this server's", "[config]") {
    const certified_folder certified;
    certified.issue("away", tls::valid_for(days{365}, now()));
    CHECK(certified.report("away") ==
          "f:2:16: peering.certificate: is made for \"away\", but this server is called \"home\" (server.name): others "
          "would refuse it\n");
}

TEST_CASE("config certificates: one that has ended, or not begun, is a warning", "[config]") {
    const certified_folder certified;
    certified.issue("home", {now() - days{2}, now() - days{1}});
    CHECK_THAT(certified.report("home"),
               Catch::StartsWith("f:2:16: peering.certificate: warning: DIR/home.crt: the certificate expired"));
    const certified_folder later;
    later.issue("home", {now() + days{1}, now() + days{2}});
    CHECK_THAT(later.report("home"),
               Catch::StartsWith("f:2:16: peering.certificate: warning: DIR/home.crt: the certificate is good from"));
}

TEST_CASE("config certificates: one that ends within a month is a warning", "[config]") {
    const certified_folder certified;
    certified.issue("home", tls::valid_for(days{20}, now()));
    CHECK_THAT(certified.report("home"), Catch::StartsWith("f:2:16: peering.certificate: warning: expires in ") &&
                                             Catch::Contains("days; `bester ca renew` makes a new one"));
}

TEST_CASE("config certificates: what is no authority cannot stand for one", "[config]") {
    const certified_folder certified;
    certified.issue("home", tls::valid_for(days{365}, now()));
    CHECK_THAT(certified.report("home.crt", "home.key", "home.crt"),
               Catch::StartsWith("f:4:14: peering.authority: DIR/home.crt"));
}

TEST_CASE("config certificates: one of another authority is a warning", "[config]") {
    const certified_folder certified;
    const certified_folder other;
    other.issue("home", tls::valid_for(days{365}, now()));
    const auto from = other.folder().path() + "/home";
    CHECK_THAT(
        certified.report(from + ".crt", from + ".key", "ca.crt"),
        Catch::StartsWith("f:2:16: peering.certificate: warning: is not signed by an authority in \"DIR/ca.crt\""));
}

TEST_CASE("config certificates: one for clients only cannot make links", "[config]") {
    const certified_folder certified;
    auto key = tls::make_key().value();
    tls::certificate_request request{"home", {"home"}, tls::valid_for(days{365}, now()), false, false, true};
    certified.save("home", tls::make_self_signed(request, *key).value(), key);
    CHECK_THAT(certified.report("home"), Catch::Contains("servers and clients both"));
}
