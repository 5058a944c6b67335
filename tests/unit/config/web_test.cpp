#include <chrono>
#include <map>

#include <catch2/catch.hpp>

#include "config/effective_text.hpp"
#include "config/wording.hpp"
#include "support.hpp"

using namespace bester::config;
using bester::clients::authentication_method;
using bester::clients::bound_frames;
using bester::clients::listener_settings;
using bester::clients::transport;
using bester::clients::web_settings;

namespace {

/// What the check says of a listener for WebSockets with these keys, which begin at f:2:27.
std::string web_report(const std::string& keys) { return listener_report("\"transport\": \"websocket\", " + keys); }

/// The same of its one path, "/a".
std::string path_report(const std::string& keys) { return web_report("\"paths\": {\"/a\": {" + keys + "}}"); }

broker_config with_listener(const std::string& keys) {
    return parse_good("{\"listeners\": [{\"name\": \"web\", \"transport\": \"websocket\", " + keys + "}]}");
}

std::vector<change> changes_of(const std::string& running, const std::string& wanted) {
    return diff(with_listener(running), with_listener(wanted));
}

}  // namespace

TEST_CASE("config websockets: a path without keys speaks the client protocol, to pages of the listener", "[config]") {
    const auto config = with_listener(R"("address": "[::1]:8080", "paths": {"/": {}, "/ws": {}})");
    const listener_settings& listener = config.listeners.at(0);
    CHECK(listener.kind == transport::websocket);
    CHECK(listener.address == "[::1]:8080");
    REQUIRE(listener.web.paths.size() == 2);
    CHECK(listener.web.paths[0].name == "/");
    const auto& path = listener.web.paths[1];
    CHECK(path.name == "/ws");
    CHECK(path.type.empty());
    CHECK(path.origins == std::vector<std::string>{"self"});
    CHECK(path.subprotocols.empty());
    CHECK(path.authentication.empty());
    CHECK(!path.compression);
    web_settings beside = listener.web;
    beside.paths.clear();
    CHECK(beside == web_settings{});
}

TEST_CASE("config websockets: every key of a path and of what is beside is read", "[config]") {
    const temporary_folder folder;
    const auto config = with_listener(R"("head_size": "16KiB", "files": ")" + folder.path() + R"(",
        "file_size": "1MiB", "cache_control": "max-age=60", "proxies": ["127.0.0.1", "10.0.0.0/8"], "proxy_protocol": true,
        "paths": {"/v1/chat": {"type": "chat", "frames": "text", "origins": ["https://*.example.org", "*"],
                               "subprotocols": ["chat.v1", "chat.v2"], "authentication": ["jwt", "anonymous"],
                               "compression": true}})");
    const listener_settings& listener = config.listeners.at(0);
    CHECK(listener.proxies == std::vector<std::string>{"127.0.0.1", "10.0.0.0/8"});
    CHECK(listener.proxy_protocol);
    const web_settings& web = listener.web;
    CHECK(web.head_size == 16'384);
    CHECK(web.files == folder.path());
    CHECK(web.file_size == 1'048'576);
    CHECK(web.cache_control == "max-age=60");
    REQUIRE(web.paths.size() == 1);
    const auto& path = web.paths[0];
    CHECK(path.type == "chat");
    CHECK(path.frames == bound_frames::text);
    CHECK(path.origins == std::vector<std::string>{"https://*.example.org", "*"});
    CHECK(path.subprotocols == std::vector<std::string>{"chat.v1", "chat.v2"});
    CHECK(path.authentication == std::vector{authentication_method::jwt, authentication_method::anonymous});
    CHECK(path.compression);
}

TEST_CASE("config websockets: without paths and files there is one path, /", "[config]") {
    const auto paths_of = [](const std::string& keys) { return with_listener(keys).listeners.at(0).web.paths; };
    const temporary_folder folder;
    CHECK(paths_of(R"("head_size": "1KiB")") == paths_of(R"("paths": {"/": {}})"));
    CHECK(paths_of(R"("files": ")" + folder.path() + '"').empty());
    CHECK(web_report(R"("paths": ["/"])") == "f:2:36: listeners[0].paths: must be an object: { … }\n");
}

TEST_CASE("config websockets: a path begins with a slash and is written without escapes", "[config]") {
    const std::string bad = GENERATE("ws", "", "/a?b", "/a#b", "/a%20b", "/a b");
    CHECK(web_report("\"paths\": {\"" + bad + "\": {}}") == "f:2:37: " + path_to("listeners[0].paths", bad) + ": \"" +
                                                                bad + "\" is not a path; write \"/\" or \"/chat\"\n");
}

TEST_CASE("config websockets: paths differ, and their keys are known", "[config]") {
    CHECK(web_report(R"("paths": {"/a": {}, "/a": {}})").find("\"/a\"") != std::string::npos);
    CHECK(path_report(R"("frame": "text")") ==
          "f:2:44: listeners[0].paths[\"/a\"].frame: unknown key \"frame\"; did you mean \"frames\"?\n");
    CHECK(web_report(R"("paths": {"/a": 3})") == "f:2:43: listeners[0].paths[\"/a\"]: must be an object: { … }\n");
}

TEST_CASE("config websockets: origins are origins, and subprotocols tokens", "[config]") {
    const std::string bad = GENERATE("example.org", "https://", "https://a/b", "", "http*://a");
    CHECK(path_report("\"origins\": [\"" + bad + "\"]") ==
          "f:2:55: listeners[0].paths[\"/a\"].origins: \"" + bad +
              "\" is no origin; write \"https://chat.example.org\", \"https://*.example.org\", \"self\" or \"*\"\n");
    CHECK(path_report(R"("origins": ["null", "https://*.example.org:8443", "http://[::1]", "self", "*"])").empty());
    CHECK(path_report(R"("origins": [])").empty());
    CHECK(path_report(R"("subprotocols": ["a b"])") ==
          "f:2:60: listeners[0].paths[\"/a\"].subprotocols: \"a b\" is not the name of a subprotocol (a token of RFC "
          "9110)\n");
}

TEST_CASE("config websockets: a path is bound to a type that clients may send", "[config]") {
    CHECK(path_report(R"("type": "chat", "authentication": ["anonymous"])").empty());
    const std::string bad = GENERATE("builtin", "dummy");
    CHECK(path_report("\"type\": \"" + bad + "\", \"authentication\": [\"anonymous\"]") ==
          "f:2:52: listeners[0].paths[\"/a\"].type: \"" + bad + "\" is not a message type that clients may send\n");
    CHECK(path_report(R"("frames": "text")") ==
          "f:2:54: listeners[0].paths[\"/a\"].frames: has no meaning without \"type\"\n");
    CHECK(path_report(R"("type": "a", "frames": "xml", "authentication": ["anonymous"])") ==
          "f:2:67: listeners[0].paths[\"/a\"].frames: unknown value \"xml\"; valid here: \"json\", \"text\", "
          "\"socketio\"\n");
}

TEST_CASE("config websockets: a path of Socket.IO has namespaces, each with a type", "[config]") {
    const auto report = [](const std::string& keys) { return path_report(R"("frames": "socketio", )" + keys); };
    const auto path =
        with_listener(R"("paths": {"/socket.io/": {"frames": "socketio", "namespaces": {"/": "chat", "/admin": "panel"},
                                                                  "recovery": "2m", "recovery_bytes": "1MiB"}})")
            .listeners.at(0)
            .web.paths.at(0);
    CHECK(path.frames == bound_frames::socketio);
    CHECK(path.namespaces == std::map<std::string, std::string>{{"/", "chat"}, {"/admin", "panel"}});
    CHECK(path.recovery == std::chrono::minutes{2});
    CHECK(path.recovery_bytes == 1'048'576);
    CHECK(report(R"("namespaces": {"/": "chat"})").empty());
    CHECK(report(R"("recovery": "1s")").find("must have 1 to 100 entries") != std::string::npos);
    CHECK(report(R"("namespaces": {"/": "chat"}, "type": "chat")")
              .find("type: has no meaning with \"frames\": \"socketio\"") != std::string::npos);
    CHECK(report(R"("namespaces": {"admin": "chat"})").find("\"admin\" is not a namespace") != std::string::npos);
    CHECK(report(R"("namespaces": {"/": "builtin"})").find("\"builtin\" is not a message type") != std::string::npos);
    CHECK(path_report(R"("type": "chat", "authentication": ["anonymous"], "recovery": "1s")").find("has no effect") !=
          std::string::npos);
}

TEST_CASE("config websockets: anonymous sessions of a path from elsewhere must be confirmed, too", "[config]") {
    const std::string path =
        R"("address": "0.0.0.0:80", "authentication": ["jwt"], "paths": {"/": {"authentication": ["anonymous"]}})";
    CHECK(web_report(path).find("anonymous sessions on 0.0.0.0:80, which other machines may reach") !=
          std::string::npos);
    CHECK(web_report(path + R"(, "allow_remote_anonymous": true)").find("which other machines") == std::string::npos);
}

TEST_CASE("config websockets: the folder of files must be there", "[config]") {
    const temporary_folder folder;
    const std::string file = folder.write("page.html", "");
    CHECK(web_report(R"("files": "/nowhere/at all")") ==
          "f:2:36: listeners[0].files: \"/nowhere/at all\" is not a folder\n");
    CHECK(web_report(R"("files": ")" + file + '"') == "f:2:36: listeners[0].files: \"" + file + "\" is not a folder\n");
}

TEST_CASE("config websockets: a relative folder of files is beside the config file", "[config]") {
    const temporary_folder folder;  // in /tmp, where the test's config file is, too
    const std::string name = folder.path().substr(folder.path().rfind('/') + 1);
    if (folder.path() == "/tmp/" + name)
        CHECK(with_listener("\"files\": \"" + name + '"').listeners.at(0).web.files == folder.path());
}

TEST_CASE("config websockets: proxies are addresses or networks", "[config]") {
    CHECK(
        web_report(R"("paths": {"/": {}}, "proxies": ["10.1.2.3", "192.168.0.0/16", "::1", "2001:db8::/32"])").empty());
    const std::string bad = GENERATE("localhost", "10.0.0.0/33", "10.0.0", "", "::1/129", "10.0.0.0/");
    CHECK(web_report("\"paths\": {}, \"proxies\": [\"" + bad + "\"]") ==
          "f:2:51: listeners[0].proxies: \"" + bad + "\" is not an IP address or a network such as \"10.0.0.0/8\"\n");
}

TEST_CASE("config websockets: the PROXY protocol is for known proxies, also over tcp", "[config]") {
    CHECK(listener_report(R"("proxy_protocol": true)") ==
          "f:2:19: listeners[0].proxy_protocol: needs \"proxies\": the addresses whose connections begin with a PROXY "
          "header\n");
    CHECK(listener_report(R"("proxy_protocol": true, "proxies": ["10.0.0.1"])").empty());
    CHECK(listener_report(R"("proxies": ["10.0.0.1"])") ==
          "f:2:1: listeners[0].proxies: warning: has no effect without \"proxy_protocol\": true\n");
}

TEST_CASE("config websockets: what is for them only has no effect elsewhere", "[config]") {
    const std::string key = GENERATE("\"paths\": {\"/\": {}}", "\"files\": \"/tmp\"", "\"file_size\": \"1MiB\"",
                                     "\"cache_control\": \"x\"", "\"head_size\": \"1KiB\"");
    const std::string name = key.substr(1, key.find('"', 1) - 1);
    CHECK(listener_report(key) ==
          "f:2:1: listeners[0]." + name + ": warning: has no effect: it is for \"transport\": \"websocket\"\n");
}

TEST_CASE("config websockets: the effective text reads back as the same config", "[config]") {
    const temporary_folder folder;
    const auto config = with_listener(R"("files": ")" + folder.path() +
                                      R"(", "cache_control": "a \"b\"", "proxies": ["::1"], "proxy_protocol": true,
        "paths": {"/é": {"type": "é", "frames": "text", "authentication": ["anonymous"], "origins": []},
                  "/b": {"type": "b", "subprotocols": ["x"], "compression": true}})");
    const std::string text = effective_text(config);
    CAPTURE(text);
    CHECK(parse_text(text).report().find("has no effect") == std::string::npos);
    CHECK(without_digest(parse_good(text)) == without_digest(config));
    CHECK(config.digest != with_listener(R"("paths": {"/": {}})").digest);
}

TEST_CASE("config websockets: a changed, new or removed path needs a restart", "[config]") {
    CHECK(changes_of(R"("paths": {"/a": {}, "/gone": {}})", R"("paths": {"/a": {"compression": true}, "/new": {}})")
              .size() == 3);
    const auto changes =
        changes_of(R"("paths": {"/a": {}, "/gone": {}})", R"("paths": {"/a": {"compression": true}, "/new": {}})");
    CHECK(changes[0] == change{R"(listeners.web.paths["/a"].compression)", "false", "true", true});
    CHECK(changes[1].path == R"(listeners.web.paths["/gone"])");
    CHECK(!changes[1].after);
    CHECK(changes[1].needs_restart);
    CHECK(changes[2].path == R"(listeners.web.paths["/new"])");
    CHECK(!changes[2].before);
    CHECK(changes[2].needs_restart);
}

TEST_CASE("config websockets: so does what is beside the paths", "[config]") {
    CHECK(changes_of(R"("paths": {"/": {}})", R"("paths": {"/": {}}, "head_size": "1KiB", "proxies": ["::1"])") ==
          std::vector<change>{{"listeners.web.head_size", "\"8KiB\"", "\"1KiB\"", true},
                              {"listeners.web.proxies", "[]", R"(["::1"])", true}});
    CHECK(changes_of(R"("paths": {"/": {}, "/b": {}})", R"("paths": {"/": {"origins": ["self"]}, "/b": {}})").empty());
}
