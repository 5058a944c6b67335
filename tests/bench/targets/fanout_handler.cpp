// A handler for the fan-out workload, written against the handler protocol alone: a message of
// type `join` puts its sender into a group, one of type `publish` goes to all of the group.

#include <poll.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "measure/byte_queue.hpp"
#include "measure/frame.hpp"
#include "measure/sockets.hpp"

namespace bester::bench {
namespace {

using nlohmann::json;

struct channel {
    unique_fd fd;
    byte_queue in;
    byte_queue out;
};

void append_frame(const json& message, byte_queue& out) {
    const std::string text = message.dump();
    store_u32(out.grow(frame_prefix), static_cast<std::uint32_t>(text.size()));
    out.append(text);
}

void write_all(channel& to) {
    while (!to.out.empty()) to.out.consume(write_some(to.fd.get(), to.out.view()));
}

void read_more(channel& from) {
    static std::vector<char> buffer(std::size_t{1} << 18);
    from.in.append({buffer.data(), read_some(from.fd.get(), buffer.data(), buffer.size())});
}

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    if (value == nullptr) throw std::runtime_error(std::string(name) + " is not set: start me from the broker");
    return value;
}

/// Says hello and waits for the welcome. What came behind it stays in the channel.
json open_channel(channel& fresh, const json& hello) {
    fresh.fd = connect_unix(variable("BESTER_SOCKET"));
    append_frame(hello, fresh.out);
    write_all(fresh);
    json welcome;
    while (welcome.is_null()) {
        read_more(fresh);
        const std::string_view bytes = fresh.in.view();
        if (bytes.size() < frame_prefix || bytes.size() - frame_prefix < load_u32(bytes.data())) continue;
        const std::size_t size = load_u32(bytes.data());
        welcome = json::parse(bytes.substr(frame_prefix, size));
        fresh.in.consume(frame_prefix + size);
    }
    if (welcome.at("kind") != "welcome") throw std::runtime_error("no welcome: " + welcome.dump());
    return welcome;
}

std::vector<channel> open_channels() {
    std::vector<channel> channels(1);
    const std::string handler = variable("BESTER_HANDLER");
    const json welcome = open_channel(channels[0], {{"kind", "hello"},
                                                    {"protocol", 1},
                                                    {"handler", handler},
                                                    {"token", variable("BESTER_TOKEN")},
                                                    {"events", json::array()}});
    const auto shards = welcome.at("shards").get<unsigned>();
    for (unsigned shard = 1; shard < shards; ++shard) {
        open_channel(
            channels.emplace_back(),
            {{"kind", "hello"}, {"protocol", 1}, {"handler", handler}, {"key", welcome.at("key")}, {"shard", shard}});
    }
    return channels;
}

/// False when the broker asks to drain: all that came before is answered by then.
bool answer(std::string_view body, byte_queue& out) {
    const json frame = json::parse(body);
    const auto& kind = frame.at("kind").get_ref<const std::string&>();
    if (kind == "drain") return false;
    if (kind != "message") throw std::runtime_error("unexpected frame: " + std::string(body.substr(0, 400)));
    json command{{"command", "join"}, {"group", "bench"}};
    if (frame.at("type") == "publish") {
        command = {{"command", "sendGroup"}, {"group", "bench"}, {"type", "news"}, {"data", frame.at("data")}};
    }
    append_frame({{"kind", "answer"}, {"id", frame.at("id")}, {"commands", json::array({std::move(command)})}}, out);
    return true;
}

void serve() {
    std::vector<channel> channels = open_channels();
    std::vector<pollfd> polled;
    for (const channel& each : channels) polled.push_back({each.fd.get(), POLLIN, 0});
    for (bool is_draining = false; !is_draining;) {
        if (::poll(polled.data(), polled.size(), -1) < 0) fail_errno("poll");
        for (std::size_t i = 0; i < channels.size(); ++i) {
            if (polled[i].revents == 0) continue;
            channel& from = channels[i];
            read_more(from);
            from.in.consume(for_each_frame(from.in.view(), [&](std::string_view body) {
                if (!answer(body, from.out)) is_draining = true;
            }));
            write_all(from);
        }
    }
}

}  // namespace
}  // namespace bester::bench

int main() {
    try {
        bester::bench::serve();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_fanout_handler: %s\n", error.what());
        return 1;
    }
}
