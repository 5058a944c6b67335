#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <map>
#include <string>

#include "load/measurement.hpp"
#include "load/protocol.hpp"
#include "measure/sockets.hpp"

namespace {

using bester::bench::load_options;

struct workload_shape {
    std::size_t connections;
    std::size_t outstanding;
    std::string (*run)(const load_options&);
};

const std::map<std::string, workload_shape> workloads{
    {"batched", {64, 16, bester::bench::run_requests}},  {"unbatched", {1'000, 1, bester::bench::run_requests}},
    {"latency", {1, 1, bester::bench::run_requests}},    {"fanout", {1'000, 1, bester::bench::run_fanout}},
    {"idle", {10'000, 1, bester::bench::run_idle}},      {"pairs", {64, 16, bester::bench::run_pairs}},
    {"pairs-latency", {1, 1, bester::bench::run_pairs}},
};

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{
        "Loads one target with one workload and prints one line of JSON with what was measured.\n"
        "Every message must be answered exactly once, or the run fails."};
    load_options options;
    std::vector<std::string> names;
    for (const auto& [name, shape] : workloads) names.push_back(name);
    app.add_option("--target", options.target, "protocol to speak")
        ->required()
        ->check(CLI::IsMember(bester::bench::protocol_names()));
    app.add_option("--workload", options.workload)->required()->check(CLI::IsMember(names));
    app.add_option("--port", options.port, "TCP port of the target on 127.0.0.1")->required();
    app.add_option("--receiver-port", options.receiver_port, "TCP port for the receivers of pairs, if it is another");
    app.add_option("--target-pid", options.target_pid, "process to measure")->required();
    app.add_option("--second-pid", options.second_pid, "another process that belongs to the target");
    app.add_option("--also-pid", options.also_pids, "processes that are part of the target too (may be repeated)");
    app.add_option("--handler-pid", options.handler_pid, "handler or responder process, measured beside it");
    app.add_option("--connections", options.connections, "instead of the workload's own number");
    app.add_option("--outstanding", options.outstanding, "instead of the workload's own number");
    app.add_option("--warmup-ms", options.warmup_ms);
    app.add_option("--measure-ms", options.measure_ms);
    app.add_option("--alloc-file", options.alloc_file, "counters of the target's preloaded bench_alloc_counter");
    app.add_option("--second-alloc-file", options.second_alloc_file, "the same of the second process");
    app.add_flag("--syscalls", options.counts_syscalls, "count the target's system calls (makes all of them slower)");
    CLI11_PARSE(app, argc, argv);

    const workload_shape& shape = workloads.at(options.workload);
    if (options.connections == 0) options.connections = shape.connections;
    if (options.outstanding == 0) options.outstanding = shape.outstanding;
    try {
        bester::bench::raise_descriptor_limit();
        std::printf("%s\n", shape.run(options).c_str());
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_load: %s %s: %s\n", options.target.c_str(), options.workload.c_str(), error.what());
        return 1;
    }
}
