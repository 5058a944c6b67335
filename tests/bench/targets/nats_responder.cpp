// Answers every request on `bench.echo` of a nats-server with the request's own data: the
// counterpart of a handler process.

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include "measure/byte_queue.hpp"
#include "measure/sockets.hpp"

namespace bester::bench {
namespace {

constexpr std::size_t line_end = 2;

/// MSG <subject> <sid> <reply> <size>
struct request_line {
    std::string_view reply;
    std::string_view size_text;
    std::size_t size = 0;
};

request_line parse_request(std::string_view line) {
    request_line request;
    const std::size_t last = line.rfind(' ');
    const std::size_t before = line.rfind(' ', last - 1);
    request.reply = line.substr(before + 1, last - before - 1);
    request.size_text = line.substr(last + 1);
    std::from_chars(request.size_text.data(), request.size_text.data() + request.size_text.size(), request.size);
    return request;
}

/// Answers the complete messages at the front of `bytes`; returns their size.
std::size_t answer_all(std::string_view bytes, byte_queue& out) {
    std::size_t done = 0;
    for (;;) {
        const std::string_view rest = bytes.substr(done);
        const std::size_t newline = rest.find('\n');
        if (newline == std::string_view::npos) return done;
        const std::string_view line = rest.substr(0, newline - 1);
        if (line.starts_with("MSG ")) {
            const request_line request = parse_request(line);
            if (rest.size() < newline + 1 + request.size + line_end) return done;
            out.append("PUB ");
            out.append(request.reply);
            out.append(" ");
            out.append(request.size_text);
            out.append("\r\n");
            out.append(rest.substr(newline + 1, request.size + line_end));
            done += request.size + line_end;
        } else if (line == "PING") {
            out.append("PONG\r\n");
        } else if (line == "PONG") {
            std::puts("ready");
            std::fflush(stdout);
        } else if (!line.starts_with("INFO ")) {
            throw std::runtime_error("unexpected line from nats-server: " + std::string(line));
        }
        done += newline + 1;
    }
}

void respond(std::uint16_t port) {
    const unique_fd server = connect_tcp(port);
    byte_queue in;
    byte_queue out;
    out.append(
        "CONNECT {\"verbose\":false,\"pedantic\":false,\"name\":\"responder\",\"protocol\":1}\r\n"
        "SUB bench.echo 1\r\nPING\r\n");
    constexpr std::size_t chunk = std::size_t{1} << 20;
    std::vector<char> buffer(chunk);
    for (;;) {
        while (!out.empty()) out.consume(write_some(server.get(), out.view()));
        in.append({buffer.data(), read_some(server.get(), buffer.data(), chunk)});
        in.consume(answer_all(in.view(), out));
    }
}

}  // namespace
}  // namespace bester::bench

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: bench_nats_responder PORT\nprints `ready` when it is subscribed\n");
        return 2;
    }
    try {
        bester::bench::respond(static_cast<std::uint16_t>(std::atoi(argv[1])));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_nats_responder: %s\n", error.what());
        return 1;
    }
}
