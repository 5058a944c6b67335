#include <bester/testing/handler_process.hpp>
#include <bester/testing/scripted_broker.hpp>
#include <bester/testing/test_handler.hpp>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <system_error>

namespace bester::testing {

namespace {

using json = nlohmann::ordered_json;
using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::uint64_t message_time = 1'790'000'000'000;

/// Plays one suite: the broker's side, case after case, with the same process.
class case_player {
public:
    case_player(const test_options& options, const case_file& file, scripted_broker& broker)
        : options_{options}, file_{file}, broker_{broker} {}

    void attach() {
        const auto hello = broker_.attach({{"config", file_.config}, {"window", 1024}});
        says_ping_ = hello.value("ping", false);
        const auto events = hello.value("events", std::vector<std::string>{});
        const auto has = [&](const char* name) {
            return std::find(events.begin(), events.end(), name) != events.end();
        };
        for (unsigned shard = 0;
             shard < options_.shards && (has("clients") || has("groups") || (shard == 0 && has("peers"))); ++shard) {
            nlohmann::json snapshot{{"kind", "snapshot"}, {"more", false}};
            if (has("clients")) snapshot["clients"] = shard == 0 ? json(file_.clients) : json::array();
            if (has("groups")) snapshot["groups"] = shard == 0 ? json(file_.groups) : json::array();
            if (has("peers") && shard == 0) snapshot["peers"] = file_.peers;
            broker_.send(shard, snapshot);
        }
    }

    /// Throws handler_gone; then `result` says how far it came.
    void play(const handler_case& it, case_result& result) {
        result.line = it.line;
        result.name = it.name;
        case_ = &it;
        result_ = &result;
        answer_.reset();
        pushes_.clear();
        asked_.clear();
        reported_ = 0;
        forget_what_came_before();
        const unsigned shard = it.shard.value_or(static_cast<unsigned>(next_id_ % options_.shards));
        for (const json& event : it.events) feed_event(event, shard);
        if (it.message) feed_message(*it.message, shard);
        collect();
        compare();
    }

    /// Asks each channel, as a broker does that waits for an answer. Returns what is wrong; empty: nothing.
    std::string ping() {
        if (!says_ping_) return {};
        std::vector<bool> answered(options_.shards, false);
        for (unsigned shard = 0; shard < options_.shards; ++shard) broker_.send(shard, {{"kind", "ping"}});
        const auto deadline = clock::now() + options_.timeout;
        while (std::find(answered.begin(), answered.end(), false) != answered.end()) {
            const auto left = std::chrono::ceil<milliseconds>(deadline - clock::now());
            const auto received = left.count() > 0 ? broker_.receive_any(left) : std::nullopt;
            if (!received) return "its hello says that it answers pings, but there was no pong on every channel";
            if (received->frame.value("kind", "") == "pong") answered[received->shard] = true;
        }
        return {};
    }

    void drain() {
        for (unsigned shard = 0; shard < options_.shards; ++shard) broker_.send(shard, {{"kind", "drain"}});
    }

private:
    void forget_what_came_before() {
        while (auto received = broker_.receive_any(milliseconds{0}))
            if (received->frame.value("kind", "") == "query") on_query(*received);
    }

    void feed_event(json event, unsigned shard) {
        event["kind"] = "event";
        event["sequence"] = ++sequence_;
        broker_.send(shard, event);
    }

    void feed_message(const json& given, unsigned shard) {
        json from = given.value("from", json{{"user", "tina"}});
        if (!from.contains("handler") && !from.contains("session"))
            from["session"] = "session-" + from.value("user", "");
        if (!from.contains("server")) from["server"] = "home";
        json message{{"kind", "message"},
                     {"id", ++next_id_},
                     {"type", given.value("type", "test")},
                     {"time", given.value("time", message_time)},
                     {"deadline", given.value("deadline", static_cast<std::uint64_t>(options_.timeout.count()))},
                     {"from", from}};
        if (given.value("request", true)) message["request"] = true;
        message["data"] = given.value("data", json{});
        broker_.send_bytes(shard, frame(message));
    }

    // Not through nlohmann::json, which sorts the fields: a handler sees what a broker would send.
    static std::string frame(const json& body) {
        const std::string text = body.dump();
        std::string bytes;
        for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>((text.size() >> shift) & 0xff);
        return bytes + text;
    }

    bool is_complete() const {
        const std::size_t wanted = case_->expect_pushes ? case_->expect_pushes->size() : 0;
        return (answer_ || !case_->message) && pushes_.size() >= wanted;
    }

    void collect() {
        const auto deadline = clock::now() + options_.timeout;
        while (!is_complete()) {
            const auto left = std::chrono::ceil<milliseconds>(deadline - clock::now());
            auto received = left.count() > 0 ? broker_.receive_any(left) : std::nullopt;
            if (!received) return;
            on_frame(*received);
        }
    }

    void on_frame(scripted_broker::received& received) {
        json& frame = received.frame;
        const std::string kind = frame.value("kind", "");
        if (kind == "query") return on_query(received);
        if (kind == "pong") return;  // it may say so unasked
        if (kind == "answer" || kind == "push") send_reports(received.shard, frame);
        if (kind == "push") return pushes_.push_back(frame);
        if (kind == "answer" && frame.value("id", std::uint64_t{0}) == next_id_ && !answer_) {
            answer_ = frame;
            result_->answer = frame.dump();
            return;
        }
        if (kind == "answer" && frame.value("id", std::uint64_t{0}) < next_id_) return;  // of a case that gave up
        result_->notes.push_back("the handler sent a frame that nobody expected: " + frame.dump());
    }

    void on_query(const scripted_broker::received& received) {
        const std::string query = received.frame.value("query", "");
        nlohmann::json result{{"kind", "result"}, {"id", received.frame.value("id", std::uint64_t{0})}};
        json given = case_->answers.value(query, json{});
        if (given.is_array()) {
            const std::size_t turn = asked_[query]++;
            given = turn < given.size() ? given[turn] : json{};
        }
        if (given.is_object()) {
            result.update(nlohmann::json(given));
        } else {
            result["error"] = {{"code", "bad_query"}, {"reason", "the case has no answer to this"}};
            result_->notes.push_back("the handler asked " + received.frame.dump() +
                                     R"(; the case has no answer to it: add "answers":{")" + query + R"(":{…}})");
        }
        broker_.send(received.shard, result);
    }

    void send_reports(unsigned shard, const json& frame) {
        for (const json& command : frame.value("commands", json::array())) {
            if (!command.is_object() || !command.contains("report")) continue;
            nlohmann::json report{{"delivered", 1}, {"failed", json::array()}};
            if (reported_ < case_->reports.size()) report.update(nlohmann::json(case_->reports[reported_++]));
            report["kind"] = "report";
            report["report"] = command.at("report");
            broker_.send(shard, report);
        }
    }

    void compare() {
        auto& found = result_->differences;
        if (case_->message && !answer_) {
            result_->notes.push_back("no answer within " + std::to_string(options_.timeout.count()) + " ms");
        } else if (answer_) {
            compare_error();
            match(case_->expect_commands, answer_->value("commands", json::array()), "commands", found);
        }
        if (!case_->expect_pushes) return;
        for (std::size_t i = 0; i < case_->expect_pushes->size(); ++i) {
            const std::string path = "pushes[" + std::to_string(i) + "]";
            const json& expected = (*case_->expect_pushes)[i];
            if (i >= pushes_.size()) found.push_back({path, expected.dump(), "nothing"});
            else
                match(expected.value("commands", json::array()), pushes_[i].value("commands", json::array()),
                      path + ".commands", found);
        }
    }

    /// Only the fields that the case names: reasons are for people and may change.
    void compare_error() {
        const json none;
        const json got = answer_->value("error", none);
        if (!case_->expect_error) {
            if (!got.is_null()) result_->differences.push_back({"error", "nothing", got.dump()});
            return;
        }
        if (got.is_null()) return result_->differences.push_back({"error", case_->expect_error->dump(), "nothing"});
        if (!case_->expect_error->is_object() || !got.is_object() || case_->expect_error->contains("$any"))
            return match(*case_->expect_error, got, "error", result_->differences);
        for (const auto& [field, value] : case_->expect_error->items())
            match(value, got.value(field, none), "error." + field, result_->differences);
    }

    const test_options& options_;
    const case_file& file_;
    scripted_broker& broker_;
    const handler_case* case_ = nullptr;
    case_result* result_ = nullptr;
    std::optional<json> answer_;
    std::vector<json> pushes_;
    std::map<std::string, std::size_t> asked_;
    std::size_t reported_ = 0;
    std::uint64_t next_id_ = 0;
    std::uint64_t sequence_ = 0;
    bool says_ping_ = false;
};

std::string how_it_ended(handler_process& process, const std::string& why) {
    // The end of the process is often seen a moment after that of its channels.
    return process.await_end(milliseconds{500}) ? "the handler ended: " + process.end() : why;
}

}  // namespace

suite_result run_cases(const test_options& options, const case_file& file) {
    suite_result suite;
    try {
        scripted_broker broker{options.shards, options.timeout};
        handler_process process{options.command,
                                {{"BESTER_SOCKET", broker.socket_path()},
                                 {"BESTER_HANDLER", "test"},
                                 {"BESTER_TOKEN", "test"},
                                 {"BESTER_INSTANCE", "0"}}};
        broker.watch_process(process.pidfd());
        case_player player{options, file, broker};
        try {
            player.attach();
            for (const auto& it : file.cases) player.play(it, suite.cases.emplace_back());
            suite.warning = player.ping();
            player.drain();
        } catch (const handler_gone& why) {
            suite.death = how_it_ended(process, why.what());
            if (!suite.cases.empty()) suite.cases.back().notes.push_back(suite.death);
        }
        const auto until = clock::now() + options.timeout;
        if (suite.death.empty()) broker.close_after_handler(until);
        const auto left = std::max(std::chrono::ceil<milliseconds>(until - clock::now()), milliseconds{0});
        if (suite.death.empty() && !process.await_end(left)) {
            suite.warning = "the handler did not leave when it was drained";
            process.terminate();
            process.await_end(options.timeout);
        } else if (suite.death.empty() && !process.ended_well()) {
            suite.warning = "drained, the handler left with " + process.end();
        }
        suite.output = process.output();
    } catch (const std::system_error& error) {
        suite.death = error.what();
    }
    return suite;
}

}  // namespace bester::testing
