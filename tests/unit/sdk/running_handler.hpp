#pragma once

#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include <bester/handler.hpp>
#include <bester/testing/scripted_broker.hpp>

namespace sdk_test {

using nlohmann::json;

/// A handler that runs in a thread of the test, and the broker that the test plays. Set the
/// handler's functions, then start().
class running_handler {
public:
    explicit running_handler(unsigned shards = 1) : broker{shards} {}
    ~running_handler() {
        if (!thread_.joinable()) return;
        // Twice: it shall leave, whatever it holds.
        handler.stop();
        handler.stop();
        thread_.join();
    }

    /// Runs it as if started by hand, and attaches all channels. Returns the first hello.
    json start(const json& welcome = json::object()) {
        launch();
        return broker.attach(welcome);
    }
    void launch() {
        thread_ = std::thread{[this] {
            std::vector<std::string> words{"handler", "--socket", broker.socket_path(), "--handler", "test"};
            std::vector<char*> arguments;
            for (auto& word : words) arguments.push_back(word.data());
            exit_code_ = handler.run(static_cast<int>(arguments.size()), arguments.data());
        }};
    }
    int await_exit() {
        thread_.join();
        return exit_code_;
    }

    void send_message(unsigned shard, unsigned id, const std::string& type, const json& data = nullptr) {
        broker.send(shard, message(id, type, data));
    }
    static json message(unsigned id, const std::string& type, const json& data = nullptr) {
        return {{"kind", "message"},  {"id", id},
                {"type", type},       {"time", 1'790'000'000'000U},
                {"deadline", 60'000}, {"from", {{"user", "tina"}, {"session", "s-tina"}, {"server", "home"}}},
                {"request", true},    {"data", data}};
    }
    json receive(unsigned shard = 0) { return broker.receive(shard); }

    bester::testing::scripted_broker broker;
    bester::handler handler{"test"};

private:
    int exit_code_ = -1;
    std::thread thread_;
};

inline json reply_of(unsigned id, const json& data) {
    return {{"kind", "answer"}, {"id", id}, {"commands", {{{"command", "reply"}, {"data", data}}}}};
}

}  // namespace sdk_test
