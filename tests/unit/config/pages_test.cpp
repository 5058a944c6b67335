#include "pages.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <regex>

#include "config/keys.hpp"
#include "config/reference.hpp"

using namespace bester::config;
using nlohmann::json;

TEST_CASE("config pages: the schema in proto-docs is what the declared keys generate", "[config]") {
    // After a change of the keys: build make_config_pages and run it.
    CHECK(read_file(schema_path()) == json_schema());
}

TEST_CASE("config pages: the table in config.md is what the declared keys generate", "[config]") {
    const std::string guide = read_file(guide_path());
    CHECK(guide == with_reference(guide));
}

TEST_CASE("config pages: the schema has every declared key, with its bounds and default", "[config]") {
    const json schema = json::parse(json_schema());
    const auto& properties = schema.at("properties");
    for (const auto& known : broker_keys()) {
        CAPTURE(known.facts.name);
        const std::size_t dot = known.facts.name.find('.');
        const std::string section{known.facts.name.substr(0, dot)};
        const std::string name{known.facts.name.substr(dot + 1)};
        CHECK(properties.at(section).at("properties").contains(name));
        CHECK(properties.at(section).at("additionalProperties") == false);
    }
    const auto& workers = properties.at("server").at("properties").at("workers");
    CHECK(workers.at("minimum") == 1);
    CHECK(workers.at("maximum") == 64);
    CHECK(workers.at("default") == 2);
    const auto& handler = properties.at("handlers").at("additionalProperties").at("properties");
    CHECK(handler.at("restart").at("properties").at("longest_delay").at("default") == "30s");
    CHECK(handler.at("start").at("enum") == json::parse(R"(["auto", "manual"])"));
    CHECK(!handler.at("directory").contains("default"));
    CHECK(properties.at("listeners").at("items").at("properties").at("authentication").at("items").at("enum") ==
          json::parse(R"(["accounts", "anonymous", "jwt", "certificate", "handler"])"));
    const auto& peering = properties.at("peering").at("properties");
    CHECK(peering.at("listen").at("maxItems") == 16);
    CHECK(peering.at("hops").at("maximum") == 16);
    CHECK(peering.at("hops").at("default") == 8);
    CHECK(!peering.at("certificate").contains("default"));
    const auto& peers = properties.at("peers");
    CHECK(peers.at("maxProperties") == 1'000);
    CHECK(peers.at("additionalProperties").at("additionalProperties") == false);
    CHECK(peers.at("additionalProperties").at("properties").at("transport").at("enum") ==
          json::parse(R"(["tls", "plain"])"));
    const std::regex names{peers.at("propertyNames").at("pattern").get<std::string>()};
    CHECK(std::regex_search("away-2.example", names));
    CHECK(std::regex_search("*", names));
    CHECK_FALSE(std::regex_search("a*", names));
    CHECK_FALSE(std::regex_search("", names));
}

TEST_CASE("config pages: every key is described once, as a sentence", "[config]") {
    std::vector<key_facts> all;
    const auto collect = [&](const auto& keys) {
        for (const auto& known : keys) {
            all.push_back(known.facts);
        }
    };
    collect(broker_keys());
    collect(listener_keys());
    collect(handler_keys());
    collect(peer_keys());
    for (const auto& facts : all) {
        CAPTURE(facts.name);
        CHECK(facts.description.ends_with('.'));
        CHECK(facts.least <= facts.most);
    }
    for (const auto* section :
         {"server", "log", "control", "accounts", "limits", "listeners", "handlers", "peering", "peers", "restart"}) {
        CAPTURE(section);
        CHECK(!section_description(section).empty());
    }
}
