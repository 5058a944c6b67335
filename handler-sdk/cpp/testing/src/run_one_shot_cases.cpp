#include <bester/testing/handler_process.hpp>
#include <bester/testing/test_handler.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>

#include "wire/client_codec.hpp"
#include "wire/frame.hpp"

namespace bester::testing {

namespace {

using json = nlohmann::ordered_json;
using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// A directory that is gone afterwards.
struct temporary_directory {
    std::string path = (std::filesystem::temp_directory_path() / "bester-test-XXXXXX").string();
    temporary_directory() {
        if (::mkdtemp(path.data()) == nullptr) throw std::system_error{errno, std::generic_category(), "mkdtemp"};
    }
    ~temporary_directory() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
};

struct connection {
    int fd = -1;
    ~connection() {
        if (fd >= 0) ::close(fd);
    }
};

bool connect_to(connection& made, const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), std::min(path.size() + 1, sizeof address.sun_path - 1));
    if (made.fd >= 0) ::close(made.fd);
    made.fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return ::connect(made.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

/// Waits until the handler listens: that it exists is all that can be seen of it.
bool await_listening(const std::string& path, handler_process& process, milliseconds limit) {
    const auto deadline = clock::now() + limit;
    while (clock::now() < deadline) {
        connection attempt;
        if (connect_to(attempt, path)) return true;
        if (process.await_end(milliseconds{10})) return false;
    }
    return false;
}

/// One exchange: connect, send the data, read one frame.
std::optional<json> ask(const std::string& path, const json& data, milliseconds limit) {
    connection to;
    if (!connect_to(to, path)) return std::nullopt;
    const std::string frame = wire::make_frame(data.dump());
    if (::send(to.fd, frame.data(), frame.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(frame.size()))
        return std::nullopt;
    const auto deadline = clock::now() + limit;
    std::string unread;
    std::array<char, 65536> bytes;
    for (;;) {
        const auto answer = wire::decode_frame(unread, std::size_t{64} << 20);
        if (answer.status == wire::frame_status::complete) {
            auto parsed = json::parse(answer.body, nullptr, false);
            return parsed.is_discarded() ? json(std::string{answer.body}) : parsed;
        }
        pollfd watched{to.fd, POLLIN, 0};
        const auto left = std::chrono::ceil<milliseconds>(deadline - clock::now()).count();
        if (left <= 0 || ::poll(&watched, 1, static_cast<int>(left)) <= 0) return std::nullopt;
        const ssize_t got = ::recv(to.fd, bytes.data(), bytes.size(), 0);
        if (got <= 0) return std::nullopt;
        unread.append(bytes.data(), static_cast<std::size_t>(got));
    }
}

case_result play(const handler_case& it, const std::string& path, milliseconds limit) {
    case_result result;
    result.line = it.line;
    result.name = it.name;
    if (!it.message || !it.expect_answer) {
        result.notes.emplace_back("a case of a one-shot handler needs message.data and expect.answer");
        return result;
    }
    const auto answer = ask(path, it.message->value("data", json{}), limit);
    if (!answer) {
        result.notes.push_back("no answer within " + std::to_string(limit.count()) + " ms");
        return result;
    }
    result.answer = answer->dump();
    match(*it.expect_answer, *answer, "answer", result.differences);
    return result;
}

}  // namespace

suite_result run_one_shot_cases(const test_options& options, const case_file& file) {
    suite_result suite;
    try {
        const temporary_directory directory;
        const std::string path = directory.path + "/handler.sock";
        auto command = options.command;
        command.push_back(path);
        handler_process process{command, {}};
        if (!await_listening(path, process, options.timeout)) {
            suite.death = process.await_end(milliseconds{0}) ? "the handler ended: " + process.end()
                                                             : "the handler does not listen on the socket it was given";
            suite.output = process.output();
            return suite;
        }
        for (const auto& it : file.cases) suite.cases.push_back(play(it, path, options.timeout));
        if (process.await_end(milliseconds{0})) suite.death = "the handler ended: " + process.end();
        process.terminate();
        if (!process.await_end(options.timeout)) suite.warning = "the handler ignores SIGTERM";
        suite.output = process.output();
    } catch (const std::system_error& error) {
        suite.death = error.what();
    }
    return suite;
}

}  // namespace bester::testing
