#include <catch2/catch.hpp>

#include <atomic>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <nlohmann/json.hpp>

#include "admin/control_client.hpp"
#include "admin/control_server.hpp"
#include "admin/control_target.hpp"
#include "failing_allocation.hpp"
#include "json/make.hpp"

using namespace bester::admin;
using namespace std::chrono_literals;
using bester::failing_allocation;
using bester::json::json_value;
using bester::json::make_object;
using nlohmann::json;

namespace {

/// A broker that notes what it is told.
class noting_target : public control_target {
public:
    json_value status() override {
        note("status");
        if (fails) throw std::bad_alloc{};
        return make_object({{"server", "home"}});
    }
    json_value handlers() override {
        note("handlers");
        json_value all = bester::json::make_array();
        append(all, make_object({{"name", "chat"}}));
        return all;
    }
    control_result restart_handler(const std::string& name) override { return order("restart " + name, name); }
    control_result drain_handler(const std::string& name) override { return order("drain " + name, name); }
    json_value peers() override {
        note("peers");
        return make_object(
            {{"listen", std::vector<std::string>{"127.0.0.1:7000"}}, {"peers", bester::json::make_array()}});
    }
    control_result retry_peer(const std::string& name) override { return peer_order("retry " + name, name); }
    control_result drain_peer(const std::string& name) override { return peer_order("drain peer " + name, name); }
    void reload(control_completion completion) override {
        note("reload");
        if (reload_ == nullptr) return completion_ = std::move(completion), void();
        completion(*reload_);
    }
    void stop() override { note("stop"); }
    void account_changed(const std::string& user) override { note("account " + user); }

    std::vector<std::string> calls() const {
        const std::lock_guard lock(mutex_);
        return calls_;
    }

    std::unique_ptr<control_result> reload_;  ///< null: it never ends
    control_completion completion_;
    std::atomic<bool> fails = false;  ///< there is no memory for the status

private:
    void note(const std::string& call) {
        const std::lock_guard lock(mutex_);
        calls_.push_back(call);
    }
    control_result order(const std::string& call, const std::string& name) {
        note(call);
        if (name != "chat") return tl::unexpected(control_error{"handler_unknown", "no handler " + name});
        return make_object();
    }
    control_result peer_order(const std::string& call, const std::string& name) {
        note(call);
        if (name != "away") return tl::unexpected(control_error{"peer_unknown", "no peer " + name});
        return make_object();
    }

    mutable std::mutex mutex_;
    std::vector<std::string> calls_;
};

/// A control server that runs on a thread of its own, as in the broker.
class running_server {
public:
    explicit running_server(control_server_settings settings = {}) {
        char folder[] = "/tmp/bester-unit-admin-XXXXXX";
        folder_ = ::mkdtemp(folder);
        settings.path = path_ = folder_ + "/control.sock";
        server_ = std::make_unique<control_server>(context_, target, settings);
        server_->start();
        thread_ = std::thread([this] {
            // As in the broker, an exception ends the handler that it left.
            while (!has_run()) {}
        });
    }
    ~running_server() {
        close();
        ::rmdir(folder_.c_str());
    }
    void close() {
        if (!thread_.joinable()) return;
        asio::post(context_, [this] {
            server_.reset();
            context_.stop();
        });
        thread_.join();
    }
    control_client connect() const {
        auto client = control_client::connect(path_);
        if (!client) throw std::runtime_error(client.error().reason);
        return std::move(*client);
    }
    const std::string& path() const { return path_; }
    /// Runs something where the broker would, and waits for its end.
    void on_control_thread(std::function<void()> run) {
        std::promise<void> done;
        asio::post(context_, [&] {
            run();
            done.set_value();
        });
        done.get_future().wait();
    }

    noting_target target;

private:
    bool has_run() {
        try {
            context_.run();
            return true;
        } catch (const std::exception&) {
            return false;
        }
    }

    std::string folder_;
    std::string path_;
    asio::io_context context_{1};
    std::unique_ptr<control_server> server_;
    std::thread thread_;
};

/// A plain socket, for what control_client does not do.
class raw_connection {
public:
    explicit raw_connection(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        const timeval limit{10, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
            throw std::runtime_error("cannot connect");
        }
    }
    ~raw_connection() { ::close(fd_); }
    void write(const std::string& bytes) { ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
    /// All until the server closes, without the first length; "open" if it does not close.
    std::string read_to_end() {
        std::string all;
        char bytes[4096];
        for (;;) {
            const auto got = ::recv(fd_, bytes, sizeof bytes, 0);
            if (got < 0) return errno == ECONNRESET ? all.substr(std::min<std::size_t>(4, all.size())) : "open";
            if (got == 0) return all.substr(std::min<std::size_t>(4, all.size()));
            all.append(bytes, static_cast<std::size_t>(got));
        }
    }

private:
    int fd_;
};

std::string frame(const std::string& body) {
    std::string bytes;
    for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<char>(body.size() >> shift & 0xff));
    return bytes + body;
}

}  // namespace

TEST_CASE("control socket: status and handlers are answered, several on one connection", "[admin]") {
    running_server server;
    auto client = server.connect();
    const auto status = client.ask({{"request", "status"}});
    REQUIRE(status);
    CHECK((*status)["ok"] == true);
    CHECK((*status)["status"]["server"] == "home");
    const auto handlers = client.ask({{"request", "handlers"}});
    REQUIRE(handlers);
    CHECK((*handlers)["handlers"][0]["name"] == "chat");
    CHECK(client.broker_pid() == ::getpid());
}

TEST_CASE("control socket: orders reach the broker", "[admin]") {
    running_server server;
    auto client = server.connect();
    CHECK(client.ask({{"request", "handlers"}, {"action", "restart"}, {"handler", "chat"}}));
    CHECK(client.ask({{"request", "handlers"}, {"action", "drain"}, {"handler", "chat"}}));
    CHECK(client.ask({{"request", "account_changed"}, {"user", "tina"}}));
    CHECK(client.ask({{"request", "stop"}}));
    CHECK(server.target.calls() == std::vector<std::string>{"restart chat", "drain chat", "account tina", "stop"});
}

TEST_CASE("control socket: peers are listed, dialled and drained", "[admin]") {
    running_server server;
    auto client = server.connect();
    const auto peers = client.ask({{"request", "peers"}});
    REQUIRE(peers);
    CHECK((*peers)["peering"] == json{{"listen", {"127.0.0.1:7000"}}, {"peers", json::array()}});
    CHECK(client.ask({{"request", "peer_retry"}, {"peer", "away"}}));
    CHECK(client.ask({{"request", "peer_drain"}, {"peer", "away"}}));
    CHECK(server.target.calls() == std::vector<std::string>{"peers", "retry away", "drain peer away"});
}

TEST_CASE("control socket: refusals carry code and reason", "[admin]") {
    running_server server;
    struct row {
        json request;
        const char* code;
    };
    const auto [request, code] = GENERATE(
        row{{{"request", "handlers"}, {"action", "restart"}, {"handler", "x"}}, "handler_unknown"},
        row{{{"request", "handlers"}, {"action", "explode"}, {"handler", "chat"}}, "unknown_request"},
        row{{{"request", "handlers"}, {"action", "drain"}}, "bad_request"},
        row{{{"request", "peer_retry"}, {"peer", "x"}}, "peer_unknown"},
        row{{{"request", "peer_drain"}, {"peer", "x"}}, "peer_unknown"},
        row{{{"request", "peer_drain"}}, "bad_request"}, row{{{"request", "peer_retry"}, {"peer", 7}}, "bad_request"},
        row{{{"request", "handlers"}, {"action", 1}}, "bad_request"}, row{{{"request", "dance"}}, "unknown_request"},
        row{{{"request", "account_changed"}, {"user", 7}}, "bad_request"}, row{{{"request", ""}}, "bad_request"},
        row{json::object(), "bad_request"}, row{json::array(), "bad_request"});
    CAPTURE(request.dump());
    auto client = server.connect();
    const auto answer = client.ask(request);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == code);
    CHECK_FALSE(answer.error().reason.empty());
    CHECK(client.ask({{"request", "status"}}));  // and the connection goes on
}

TEST_CASE("control socket: a reload answers when it is done, with the difference or all mistakes", "[admin]") {
    running_server server;
    SECTION("good") {
        server.target.reload_ =
            std::make_unique<control_result>(make_object({{"changes", bester::json::make_array()}, {"digest", "d"}}));
        const auto answer = server.connect().ask({{"request", "reload"}});
        REQUIRE(answer);
        CHECK((*answer)["digest"] == "d");
    }
    SECTION("refused") {
        server.target.reload_ =
            std::make_unique<control_result>(tl::unexpected(control_error{"config_invalid", "line 1\nline 2"}));
        const auto answer = server.connect().ask({{"request", "reload"}});
        REQUIRE_FALSE(answer);
        CHECK(answer.error() == control_error{"config_invalid", "line 1\nline 2"});
    }
}

TEST_CASE("control socket: a reload that never ends is answered in time", "[admin]") {
    control_server_settings settings;
    settings.answer_timeout = 20ms;
    running_server server(settings);
    auto client = server.connect();
    const auto answer = client.ask({{"request", "reload"}});
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == "timeout");
    CHECK(client.ask({{"request", "status"}}));
    SECTION("and its late end hurts nobody") {
        server.on_control_thread([&] { server.target.completion_(make_object()); });
        CHECK(client.ask({{"request", "status"}}));
    }
    SECTION("not even after the server is gone") {
        server.close();
        server.target.completion_(make_object());
        CHECK_FALSE(control_client::connect(server.path()));
    }
}

TEST_CASE("control socket: a request without memory is refused, and the connection goes on", "[admin]") {
    running_server server;
    server.target.fails = true;
    auto client = server.connect();
    const auto answer = client.ask({{"request", "status"}});
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == "internal_error");
    server.target.fails = false;
    CHECK(client.ask({{"request", "status"}}));
}

TEST_CASE("control socket: whichever allocation fails, it ends one connection at most", "[admin]") {
    running_server server;
    std::optional<failing_allocation> failing;
    const std::size_t most = GENERATE(1u, 5u);
    std::size_t failures = 0;
    for (std::size_t number = 1, has_failed = 1; has_failed != 0; ++number) {
        server.on_control_thread([&] { failing.emplace(number, most); });
        if (auto client = control_client::connect(server.path())) client->ask({{"request", "status"}});
        server.on_control_thread([&] {
            has_failed = failing->has_failed();
            failing.reset();
        });
        failures += has_failed;
        CAPTURE(number);
        REQUIRE(server.connect().ask({{"request", "status"}}));
    }
    CHECK(failures > 10);
}

TEST_CASE("control socket: only its owner may connect", "[admin]") {
    running_server server;
    struct stat found {};
    REQUIRE(::stat(server.path().c_str(), &found) == 0);
    CHECK((found.st_mode & 07777) == 0600);
    CHECK(S_ISSOCK(found.st_mode));
}

TEST_CASE("control socket: a left-over file is replaced, a living broker and other files are not", "[admin]") {
    running_server server;
    asio::io_context context;
    noting_target target;
    control_server_settings settings;
    SECTION("living") {
        settings.path = server.path();
        control_server second(context, target, settings);
        CHECK_THROWS_WITH(second.start(), Catch::Contains("another process listens"));
        CHECK(server.connect().ask({{"request", "status"}}));
    }
    SECTION("left over") {
        settings.path = server.path() + "2";
        const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        settings.path.copy(address.sun_path, sizeof address.sun_path - 1);
        REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        ::close(fd);
        control_server second(context, target, settings);
        CHECK_NOTHROW(second.start());
        second.close();
        CHECK(::access(settings.path.c_str(), F_OK) != 0);
    }
    SECTION("another file") {
        settings.path = server.path() + ".txt";
        std::ofstream(settings.path) << "precious";
        control_server second(context, target, settings);
        CHECK_THROWS_WITH(second.start(), Catch::Contains("something else"));
        CHECK(::access(settings.path.c_str(), F_OK) == 0);
        ::unlink(settings.path.c_str());
    }
}

TEST_CASE("control socket: a request above the limit is refused before it is read", "[admin]") {
    running_server server;
    raw_connection raw(server.path());
    raw.write(std::string("\xff\xff\xff\x7f", 4));
    CHECK_THAT(raw.read_to_end(), Catch::Contains("too_large"));
}

TEST_CASE("control socket: what is no JSON is refused", "[admin]") {
    control_server_settings settings;
    settings.request_timeout = 100ms;
    running_server server(settings);
    raw_connection raw(server.path());
    raw.write(frame("nonsense"));
    CHECK_THAT(raw.read_to_end(), Catch::Contains("bad_request"));
}

TEST_CASE("control socket: one who sends half a request is cut off", "[admin]") {
    control_server_settings settings;
    settings.request_timeout = 20ms;
    running_server server(settings);
    raw_connection raw(server.path());
    raw.write(frame("{\"request\":\"status\"}").substr(0, 9));
    CHECK(raw.read_to_end().empty());
    CHECK(server.target.calls().empty());
}

TEST_CASE("control socket: more connections than allowed are turned away as busy", "[admin]") {
    control_server_settings settings;
    settings.connections = 2;
    running_server server(settings);
    auto first = server.connect();
    auto second = server.connect();
    REQUIRE(first.ask({{"request", "status"}}));
    REQUIRE(second.ask({{"request", "status"}}));
    const auto answer = server.connect().ask({{"request", "status"}});
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == "busy");
    CHECK(first.ask({{"request", "status"}}));
}

TEST_CASE("control client: nobody at the path is said with the remedy", "[admin]") {
    const auto client = control_client::connect("/nonexistent/control.sock");
    REQUIRE_FALSE(client);
    CHECK(client.error().code == "unreachable");
    CHECK_THAT(client.error().reason, Catch::Contains("--socket"));
}
