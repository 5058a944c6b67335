#include "tls_fixture.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <stdexcept>

extern char** environ;

namespace bester::tls {
namespace {

constexpr int patience = 20'000;  // milliseconds

/// The openssl program, with pipes for what it reads and says; ends with us.
class openssl_program {
public:
    explicit openssl_program(std::vector<std::string> words) {
        int in[2], out[2];
        if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("pipe failed");
        words.insert(words.begin(), "openssl");
        std::vector<char*> arguments;
        for (auto& each : words) arguments.push_back(each.data());
        arguments.push_back(nullptr);
        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_adddup2(&actions, in[0], 0);
        ::posix_spawn_file_actions_adddup2(&actions, out[1], 1);
        ::posix_spawn_file_actions_adddup2(&actions, out[1], 2);
        const int failed = ::posix_spawnp(&pid_, "openssl", &actions, nullptr, arguments.data(), environ);
        ::posix_spawn_file_actions_destroy(&actions);
        ::close(in[0]);
        ::close(out[1]);
        input_ = in[1];
        output_ = out[0];
        if (failed != 0) throw std::runtime_error("there is no openssl program");
    }
    ~openssl_program() {
        ::close(input_);
        ::close(output_);
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    openssl_program(const openssl_program&) = delete;
    openssl_program& operator=(const openssl_program&) = delete;

    void type(const std::string& text) {
        if (::write(input_, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
            throw std::runtime_error("write failed");
    }
    /// Reads until the text has come, or the program ends; all that was said.
    const std::string& await(const std::string& text) {
        while (said_.find(text) == said_.npos) {
            pollfd waiting{output_, POLLIN, 0};
            char piece[4096];
            if (::poll(&waiting, 1, patience) != 1) throw std::runtime_error("openssl says no more than: " + said_);
            const auto size = ::read(output_, piece, sizeof(piece));
            if (size <= 0) break;
            said_.append(piece, static_cast<std::size_t>(size));
        }
        return said_;
    }

private:
    pid_t pid_ = 0;
    int input_ = -1;
    int output_ = -1;
    std::string said_;
};

sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    return address;
}

int listen_at(const std::string& path) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address = address_of(path);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 || ::listen(fd, 1) != 0)
        throw std::runtime_error("listen failed");
    return fd;
}

int connect_to(const std::string& path) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address = address_of(path);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
        throw std::runtime_error("connect failed");
    return fd;
}

/// An engine on a blocking socket.
class connection {
public:
    connection(engine with, int fd) : engine_(std::move(with)), fd_(fd) {}
    ~connection() { ::close(fd_); }
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    engine& side() { return engine_; }
    void send() {
        while (true) {
            const auto pending = engine_.pending_output();
            if (pending.empty()) return;
            const auto size = ::send(fd_, pending.data(), pending.size(), MSG_NOSIGNAL);
            if (size <= 0) return;
            engine_.consume_output(static_cast<std::size_t>(size));
        }
    }
    void receive() {
        pollfd waiting{fd_, POLLIN, 0};
        if (::poll(&waiting, 1, patience) != 1) throw std::runtime_error("openssl sends nothing");
        const auto size = ::read(fd_, buffer_, sizeof(buffer_));
        if (size <= 0) engine_.end_input();
        else engine_.receive({buffer_, static_cast<std::size_t>(size)});
    }
    handshake_status handshake() {
        while (true) {
            const auto status = engine_.handshake();
            send();
            if (status != handshake_status::want_more) return status;
            receive();
        }
    }
    /// Reads until so much has come, or the end.
    all_read read(std::size_t size) {
        all_read all;
        while (true) {
            auto got = read_all(engine_);
            all.text += got.text;
            all.end = got.end;
            if (all.text.size() >= size || got.end != read_status::want_more) return all;
            receive();
        }
    }

private:
    engine engine_;
    int fd_;
    char buffer_[1000];
};

std::vector<std::string> identity_of(test_authority& ca, const std::string& name) {
    const auto settings = ca.settings(name);
    return {"-cert",
            settings.certificate_file,
            "-key",
            settings.key_file,
            "-CAfile",
            settings.authority_files[0],
            "-verify_return_error"};
}

template <class... Words>
std::vector<std::string> command(std::vector<std::string> common, const Words&... words) {
    common.insert(common.begin(), {words...});
    return common;
}

}  // namespace

TEST_CASE("engine: accepts the client of the openssl program", "[tls]") {
    test_authority ca;
    const auto path = ca.file("socket");
    const int listening = listen_at(path);
    openssl_program client(command(identity_of(ca, "alpha"), "s_client", "-unix", path, "-servername", "beta",
                                   "-verify_hostname", "beta", "-alpn", "bester-link/1,bester-link/2"));
    auto settings = ca.settings("beta");
    settings.alpn = {"bester-link/2", "bester-link/1"};
    connection ours(engine::accept(must(context::load(settings))), ::accept(listening, nullptr, nullptr));
    ::close(listening);
    REQUIRE(ours.handshake() == handshake_status::done);
    CHECK(ours.side().peer_has_name("alpha"));
    // The first application protocol of the acceptor.
    CHECK_THAT(client.await("Verify return code: 0 (ok)"),
               Catch::Contains("TLSv1.3") && Catch::Contains("ALPN protocol: bester-link/2"));
    client.type("hello\n");
    CHECK(ours.read(6).text == "hello\n");
    const std::string large(100'000, 'x');
    REQUIRE(ours.side().write(large + "<end>"));
    ours.send();
    CHECK_THAT(client.await("<end>"), Catch::Contains(large));
    ours.side().shutdown();
    ours.send();
    CHECK_THAT(client.await("closed"), Catch::Contains("closed"));
    CHECK(ours.read(1).end == read_status::closed);
}

TEST_CASE("engine: keys are agreed on in groups that cost little, whatever the other side would like", "[tls]") {
    test_authority ca;
    const auto path = ca.file("socket");
    const auto [group, is_taken] = GENERATE(table<std::string, bool>({{"X25519", true},
                                                                      {"P-256", true},
                                                                      {"P-384", true},
                                                                      {"P-521", false},
                                                                      {"X448", false},
                                                                      {"ffdhe2048", false},
                                                                      {"ffdhe8192", false}}));
    CAPTURE(group);
    SECTION("of clients") {
        const int listening = listen_at(path);
        openssl_program client(command(identity_of(ca, "alpha"), "s_client", "-unix", path, "-groups", group));
        connection ours(engine::accept(ca.link("beta")), ::accept(listening, nullptr, nullptr));
        ::close(listening);
        CHECK((ours.handshake() == handshake_status::done) == is_taken);
    }
    SECTION("of servers that are dialled") {
        openssl_program server(command(identity_of(ca, "beta"), "s_server", "-unix", path, "-tls1_3", "-Verify", "1",
                                       "-rev", "-groups", group));
        server.await("ACCEPT");
        connection ours(engine::connect(ca.link("alpha"), "beta"), connect_to(path));
        CHECK((ours.handshake() == handshake_status::done) == is_taken);
    }
}

TEST_CASE("engine: dials the server of the openssl program", "[tls]") {
    test_authority ca;
    const auto path = ca.file("socket");
    openssl_program server(
        command(identity_of(ca, "beta"), "s_server", "-unix", path, "-tls1_3", "-Verify", "1", "-rev"));
    server.await("ACCEPT");
    connection ours(engine::connect(ca.link("alpha"), "beta"), connect_to(path));
    REQUIRE(ours.handshake() == handshake_status::done);
    CHECK(ours.side().peer_has_name("beta"));
    // The server also gives out tickets; they are passed over.
    for (const std::string line : {"hello\n", "world\n"}) {
        REQUIRE(ours.side().write(line));
        ours.send();
        CHECK(ours.read(6).text == (line == "hello\n" ? "olleh\n" : "dlrow\n"));
    }
    CHECK(ours.side().failure() == "");
}

TEST_CASE("engine: the server of the openssl program refuses a foreign certificate, and we learn why", "[tls]") {
    test_authority ca, other;
    const auto path = ca.file("socket");
    openssl_program server(
        command(identity_of(ca, "beta"), "s_server", "-unix", path, "-tls1_3", "-Verify", "1", "-rev"));
    server.await("ACCEPT");
    auto settings = other.settings("alpha");
    settings.authority_files = {ca.file("ca.crt")};
    connection ours(engine::connect(must(context::load(settings)), ""), connect_to(path));
    REQUIRE(ours.handshake() == handshake_status::done);
    CHECK(ours.read(1).end == read_status::failed);
    CHECK_THAT(ours.side().failure(), Catch::StartsWith("the peer refused: "));
}

TEST_CASE("engine: the client of the openssl program gets no link with TLS 1.2, or without a certificate", "[tls]") {
    test_authority ca;
    const auto path = ca.file("socket");
    const int listening = listen_at(path);
    const bool is_old = GENERATE(true, false);
    CAPTURE(is_old);
    openssl_program client(is_old ? command(identity_of(ca, "alpha"), "s_client", "-unix", path, "-tls1_2")
                                  : command({}, std::string("s_client"), std::string("-unix"), path));
    connection ours(engine::accept(ca.link("beta")), ::accept(listening, nullptr, nullptr));
    ::close(listening);
    CHECK(ours.handshake() == handshake_status::failed);
    CHECK_THAT(ours.side().failure(), Catch::Contains(is_old ? "no version of TLS" : "no certificate"));
    CHECK_THAT(client.await("alert"), Catch::Contains("alert"));
}

}  // namespace bester::tls
