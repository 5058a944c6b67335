// The other end of the bare relay: sends back every byte that it reads. What a handler process
// costs when it does nothing at all.

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "measure/sockets.hpp"

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: bench_relay_echo SOCKET\n");
        return 2;
    }
    try {
        namespace bench = bester::bench;
        const bench::unique_fd relay = bench::connect_unix(argv[1]);
        bench::set_buffers(relay.get(), 4 << 20);
        std::vector<char> buffer(std::size_t{1} << 20);
        for (;;) {
            const ssize_t got = ::read(relay.get(), buffer.data(), buffer.size());
            if (got <= 0) return got == 0 ? 0 : 1;
            std::string_view rest{buffer.data(), static_cast<std::size_t>(got)};
            while (!rest.empty()) rest.remove_prefix(bench::write_some(relay.get(), rest));
        }
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_relay_echo: %s\n", error.what());
        return 1;
    }
}
