#include "exchange/executor.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <map>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "exchange/session.hpp"
#include "failing_allocation.hpp"
#include "running_shards.hpp"
#include "wire/handler_codec.hpp"

namespace bester::exchange {

namespace {

/// A client as the exchange sees it. Notes what it gets; on its shard's thread.
class noting_session final : public session {
public:
    noting_session(shard& on, std::string user) : on_{on} {
        user_ = std::move(user);
        id_ = on_.sessions().add(*this);
        on_.users().add(user_, id_);
    }
    ~noting_session() {
        on_.groups().leave_all(*this);
        on_.users().remove(user_, id_);
        on_.sessions().remove(id_);
    }
    bool deliver(std::string_view type_token, std::string_view data, std::string_view id_token) override {
        if (is_full) return false;
        got.push_back(std::string{type_token}.append(" ").append(data).append(" ").append(id_token));
        return true;
    }
    bool deliver(const payload&) override {
        if (fails) {
            failing.emplace(1, 20);
            throw std::bad_alloc{};
        }
        if (is_full) return false;
        got.emplace_back("shared");
        return true;
    }
    void message_done(const envelope_view& message, const wire::status_error* error) override {
        got.push_back("done " + std::string{message.id_token} + ' ' + (error ? std::string{error->code} : "good") +
                      ' ' + std::to_string(message.delivered));
    }
    bool takes_from_servers() override { return !is_full; }
    void disconnect(const wire::status_error& why) override {
        got.push_back("disconnected " + std::string{why.reason});
    }

    bool is_full = false;
    bool fails = false;  ///< there is no memory for a delivery, nor for what is tried next
    std::optional<failing_allocation> failing;
    std::vector<std::string> got;

private:
    shard& on_;
};

/// A handler's channel as the executor sees it.
class noting_source final : public command_source {
public:
    explicit noting_source(shard& on) : on_{on}, id_{on.next_source_id()} { on_.add_source(*this); }
    ~noting_source() override { on_.remove_source(*this); }
    const std::string& handler() const noexcept override { return name_; }
    std::size_t most_recipients() const noexcept override { return 5; }
    const command_rights* rights() const noexcept override { return may ? &*may : nullptr; }
    bool take_command(std::uint64_t) noexcept override { return commands_left-- > 0; }
    void notify(std::string_view frame) noexcept override {
        try {
            told.emplace_back(frame.substr(4));
        } catch (const std::bad_alloc&) {
            miss_frame();
        }
    }
    void miss_frame() noexcept override { ++missed; }
    std::uint64_t source_id() const noexcept override { return id_; }

    std::optional<command_rights> may;
    int commands_left = 1'000;
    std::vector<std::string> told;
    int missed = 0;

private:
    shard& on_;
    std::string name_ = "chat";
    std::uint64_t id_;
};

class refusing_port final : public handler_port {
public:
    submit_result submit(const envelope_view& message, std::string_view type, std::string_view data) override {
        submitted.push_back(std::string{message.user}.append(" ").append(type).append(" ").append(data));
        kept.assign(message);
        return answer;
    }
    const std::string& name() const noexcept override { return name_; }

    submit_result answer;
    std::vector<std::string> submitted;
    envelope kept;  ///< the last one

private:
    std::string name_ = "other";
};

using texts = std::vector<std::string>;

/// Three shards with a handler's source on the first, tina there and gustav on the others.
struct fixture {
    running_shards shards{3};
    std::unique_ptr<noting_source> source;
    std::unique_ptr<noting_session> tina;
    std::vector<std::unique_ptr<noting_session>> gustavs;
    refusing_port other;

    fixture() {
        shards.ask(0, [&](shard& on) {
            source = std::make_unique<noting_source>(on);
            tina = std::make_unique<noting_session>(on, "tina");
            auto routes = std::make_shared<routing_table>();
            routes->by_name.emplace("other", &other);
            on.set_routes(routes);
        });
        for (unsigned i : {1u, 2u})
            shards.ask(i, [&](shard& on) { gustavs.push_back(std::make_unique<noting_session>(on, "gustav")); });
    }
    ~fixture() {
        shards.ask(0, [&](shard&) {
            source.reset();
            tina.reset();
        });
        for (unsigned i : {1u, 2u}) shards.ask(i, [&](shard&) { gustavs[i - 1].reset(); });
    }

    static wire::handler_frame read(shard& on, std::string& text) {
        wire::handler_frame frame;
        const std::size_t size = text.size();
        text.append(wire::json_padding, '\0');
        const auto reader = on.reader();
        if (!wire::decode_handler_frame(reader, std::string_view{text}.substr(0, size), frame))
            throw std::logic_error{"the test's frame is wrong: " + text};
        return frame;
    }
    /// The answer of these commands to a message of tina's.
    void answer(std::string commands, std::string more = {}) {
        shards.ask(0, [&](shard& on) {
            std::string text = R"({"kind":"answer","id":7,"commands":[)" + commands + "]" + more + "}";
            const auto frame = read(on, text);
            envelope_view message;
            message.origin = tina->id();
            message.user = "tina";
            message.type_token = R"("talk")";
            message.id_token = R"("m1")";
            command_progress at_once;
            on.commands().answer(*source, message, frame, at_once);
        });
    }
    void push(std::string commands) {
        shards.ask(0, [&](shard& on) {
            std::string text = R"({"kind":"push","commands":[)" + commands + "]}";
            const auto frame = read(on, text);
            command_progress at_once;
            on.commands().push(*source, frame, at_once);
        });
    }
    /// All mail has been there and back.
    void settle() {
        for (int round = 0; round < 3; ++round)
            for (unsigned i : {0u, 1u, 2u}) shards.pass_turns(1, i);
    }
    texts of_tina() {
        settle();
        return shards.ask(0, [&](shard&) { return std::exchange(tina->got, {}); });
    }
    texts of_gustav(unsigned number) {
        settle();
        return shards.ask(number + 1, [&](shard&) { return std::exchange(gustavs[number]->got, {}); });
    }
    texts told() {
        settle();
        return shards.ask(0, [&](shard&) { return std::exchange(source->told, {}); });
    }
};

}  // namespace

TEST_CASE_METHOD(fixture, "executor: an answer is told after its reply", "[exchange]") {
    answer(R"({"command":"reply","data":{"a":1}})");
    CHECK(of_tina() == texts{R"("talk" {"a":1} "m1")", R"(done "m1" good 0)"});
    answer("");
    CHECK(of_tina() == texts{R"(done "m1" good 0)"});
    answer("", R"(,"error":{"code":"too_loud","reason":"quiet"})");
    CHECK(of_tina() == texts{R"(done "m1" too_loud 0)"});
    CHECK(told().empty());
}

TEST_CASE_METHOD(fixture, "executor: the status waits until other shards have said what they reached", "[exchange]") {
    answer(R"({"command":"sendClients","users":["gustav","tina"],"data":1})");
    CHECK(of_tina() == texts{"shared", R"(done "m1" good 3)"});
    CHECK(of_gustav(0) == texts{"shared"});
    CHECK(of_gustav(1) == texts{"shared"});
    answer(R"({"command":"sendClients","users":["*"],"data":1},{"command":"sendClients","users":["nobody"]})");
    CHECK(of_tina() == texts{"shared", R"(done "m1" good 3)"});
    of_gustav(0);
    of_gustav(1);
    shards.ask(1, [&](shard&) { gustavs[0]->is_full = true; });
    answer(R"({"command":"sendClients","users":["gustav"]})");
    CHECK(of_tina() == texts{R"(done "m1" good 1)"});
}

TEST_CASE_METHOD(fixture, "executor: a report says what was reached and what was not, once", "[exchange]") {
    const auto [command, report] = GENERATE(table<std::string, std::string>({
        {R"({"command":"sendClients","type":"t","users":["tina"],"report":"r"})",
         R"({"kind":"report","report":"r","delivered":1,"failed":[]})"},
        {R"({"command":"sendClients","type":"t","users":["gustav"],"report":5})",
         R"({"kind":"report","report":5,"delivered":2,"failed":[]})"},
        {R"({"command":"sendClients","type":"t","users":["g\u0075stav","n\u006fbody"],"report":"r"})",
         R"({"kind":"report","report":"r","delivered":2,"failed":[{"recipient":"nobody","code":"recipient_offline"}]})"},
        {R"({"command":"sendClients","type":"t","users":["gustav@home","nobody@home"],"report":"r"})",
         R"({"kind":"report","report":"r","delivered":2,"failed":[{"recipient":"nobody","code":"recipient_offline"}]})"},
        {R"({"command":"sendClients","type":"t","users":[],"report":"r"})",
         R"({"kind":"report","report":"r","delivered":0,"failed":[]})"},
        {R"({"command":"sendGroup","type":"t","group":"empty","report":"r"})",
         R"({"kind":"report","report":"r","delivered":0,"failed":[]})"},
        {R"({"command":"disconnect","users":["gustav"],"report":"r"})",
         R"({"kind":"report","report":"r","delivered":2,"failed":[]})"},
    }));
    push(command);
    CHECK(told() == texts{report});
}

TEST_CASE_METHOD(fixture, "executor: groups are the sum of all shards, and follow joins in order", "[exchange]") {
    const std::string ids = shards.ask(1, [&](shard&) { return std::string{gustavs[0]->id().text()}; });
    answer(R"({"command":"join","group":"hall"},{"command":"join","group":"hall","sessions":[")" + ids +
           R"("]},)"
           R"({"command":"sendGroup","group":"hall","data":1,"report":"r"})");
    CHECK(of_tina() == texts{"shared", R"(done "m1" good 2)"});
    CHECK(of_gustav(0) == texts{"shared"});
    CHECK(of_gustav(1).empty());
    CHECK(told() == texts{R"({"kind":"report","report":"r","delivered":2,"failed":[]})"});
    answer(R"({"command":"leave","group":"hall"},{"command":"sendGroup","group":"hall","data":2})");
    CHECK(of_tina() == texts{R"(done "m1" good 1)"});
    push(R"({"command":"sendGroup","type":"t","group":"hall","except":[")" + ids + R"("],"report":"r"})");
    CHECK(told() == texts{R"({"kind":"report","report":"r","delivered":0,"failed":[]})"});
}

TEST_CASE_METHOD(fixture, "executor: what is refused is told, and makes the message bad", "[exchange]") {
    const auto [command, code] = GENERATE(table<std::string, std::string>({
        {R"({"command":"dance"})", "unknown_command"},
        {R"({"command":"sendGroup"})", "bad_command"},
        {R"({"command":"sendClients","users":["1","2","3","4","5","6"]})", "too_many_recipients"},
        {R"({"command":"disconnect","users":["*"]})", "bad_command"},
        {R"({"command":"join","group":"g","sessions":[],"users":["*"]})", "bad_command"},
        {R"({"command":"sendHandler","handler":"nowhere"})", "handler_unknown"},
    }));
    answer(command);
    CHECK(of_tina() == texts{"done \"m1\" " + code + " 0"});
    const auto frames = told();
    REQUIRE(frames.size() == 1);
    CHECK(frames[0].find(R"("kind":"refused","id":7,"index":0,"code":")" + code + '"') != std::string::npos);
}

TEST_CASE_METHOD(fixture, "executor: a handler is held to its rights and its rate", "[exchange]") {
    shards.ask(0, [&](shard&) {
        source->may = command_rights{};
        source->may->users = {"tina"};
        source->commands_left = 2;
    });
    push(R"({"command":"sendClients","type":"t","users":["tina","gustav"],"data":1})");
    CHECK(of_tina() == texts{R"("t" 1 )"});
    CHECK(of_gustav(0).empty());
    CHECK(told().size() == 1);
    push(
        R"({"command":"sendClients","type":"t","users":["tina"]},{"command":"sendClients","type":"t","users":["tina"]})");
    CHECK(of_tina().size() == 1);
    const auto frames = told();
    REQUIRE(frames.size() == 1);
    CHECK(frames[0].find("rate_limited") != std::string::npos);
}

TEST_CASE_METHOD(fixture, "executor: a shard without any memory still says that its part has failed", "[exchange]") {
    const std::string command = GENERATE(as<std::string>{}, R"({"command":"sendClients","users":["gustav"],"data":1})",
                                         R"({"command":"sendClients","users":["*"],"data":1})");
    shards.ask(1, [&](shard&) { gustavs[0]->fails = true; });
    answer(command);
    const auto is_told = [&] {
        return shards.ask(0, [&](shard&) { return !tina->got.empty() && tina->got.back().starts_with("done"); });
    };
    const auto limit = std::chrono::steady_clock::now() + std::chrono::minutes{1};
    while (!is_told()) REQUIRE(std::chrono::steady_clock::now() < limit);
    shards.ask(1, [&](shard&) { gustavs[0]->failing.reset(); });
    CHECK(of_tina().back().starts_with(R"(done "m1" internal_error)"));
    CHECK(shards.ask(1, [](shard& there) { return there.counters()[counter::internal_errors]; }) > 0);
}

TEST_CASE_METHOD(fixture, "executor: a message that is passed on is ended by who has it then", "[exchange]") {
    answer(R"({"command":"sendHandler","handler":"other","data":2})");
    CHECK(of_tina().empty());
    CHECK(shards.ask(0, [&](shard&) { return other.submitted; }) == texts{"tina talk 2"});
    shards.ask(0, [&](shard&) { other.answer = {submit_result::outcome::refused, wire::error_code::busy}; });
    answer(R"({"command":"sendHandler","handler":"other","data":3})");
    CHECK(of_tina() == texts{R"(done "m1" busy 0)"});
}

TEST_CASE_METHOD(fixture, "executor: what is passed on takes along what its status waits for", "[exchange]") {
    const std::string pass = R"({"command":"sendHandler","handler":"other","data":2})";
    const std::string send = R"({"command":"sendClients","users":["gustav","tina"],"data":1})";
    for (const std::string& commands : {pass + ',' + send, send + ',' + pass}) {
        CAPTURE(commands);
        answer(commands);
        CHECK(of_tina() == texts{"shared"});
        shards.ask(0, [&](shard& on) { on.commands().finish(view_of(other.kept), nullptr); });
        CHECK(of_tina() == texts{R"(done "m1" good 3)"});
    }
    answer(pass + ',' + pass);
    CHECK(told().size() == 1);
    CHECK(shards.ask(0, [&](shard&) { return other.submitted.size(); }) == 3);
}

TEST_CASE_METHOD(fixture, "executor: a push answers nobody, and its source may be gone when it is reported",
                 "[exchange]") {
    push(R"({"command":"reply","data":1},{"command":"join","group":"g"})");
    const auto frames = told();
    REQUIRE(frames.size() == 2);
    CHECK(frames[0].find("no_sender") != std::string::npos);
    CHECK(frames[1].find("no_sender") != std::string::npos);
    shards.ask(0, [&](shard& on) {
        std::string text =
            R"({"kind":"push","commands":[{"command":"sendClients","type":"t","users":["gustav"],"report":"r"}]})";
        const auto frame = read(on, text);
        command_progress at_once;
        on.commands().push(*source, frame, at_once);
        source.reset();
    });
    settle();
    CHECK(of_gustav(0) == texts{"shared"});
}

TEST_CASE_METHOD(fixture, "executor: many commands are executed in parts, each once, and the status tells of all",
                 "[exchange]") {
    constexpr std::size_t count = 20'000;
    const bool is_answer = GENERATE(true, false);
    CAPTURE(is_answer);
    std::string commands;
    for (std::size_t i = 0; i < count; ++i) {
        commands += i == 0 ? "" : ",";
        // The first is refused, one goes to other shards, an early one and the last one to tina.
        commands += i == 0           ? R"({"command":"dance"})"
                    : i == 5         ? R"({"command":"sendClients","type":"t","users":["tina"],"data":"early"})"
                    : i == 10        ? R"({"command":"sendClients","type":"t","users":["gustav"]})"
                    : i + 1 == count ? R"({"command":"sendClients","type":"t","users":["tina"],"data":"last"})"
                                     : R"({"command":"sendClients","type":"t","users":["nobody"]})";
    }
    std::size_t parts = 1;
    shards.ask(0, [&](shard& on) {
        std::string text = is_answer ? R"({"kind":"answer","id":7,"commands":[)" : R"({"kind":"push","commands":[)";
        text += commands + "]}";
        const auto frame = read(on, text);
        envelope_view message;
        message.origin = tina->id();
        message.user = "tina";
        message.type_token = R"("talk")";
        message.id_token = R"("m1")";
        command_progress progress;
        while (!(is_answer ? on.commands().answer(*source, message, frame, progress)
                           : on.commands().push(*source, frame, progress)))
            ++parts;
    });
    CHECK(parts > 1);
    settle();
    CHECK(of_gustav(0) == texts{"shared"});
    const texts got = of_tina();
    REQUIRE(got.size() == (is_answer ? 3 : 2));
    if (is_answer) CHECK(got.back() == R"(done "m1" unknown_command 4)");
    CHECK(told().size() == 1);
}

TEST_CASE_METHOD(fixture, "executor: what is given up in the middle leaves no status that waits", "[exchange]") {
    std::string commands = R"({"command":"sendClients","users":["gustav"]})";
    for (int i = 0; i < 20'000; ++i) commands += R"(,{"command":"sendClients","users":["nobody"]})";
    shards.ask(0, [&](shard& on) {
        std::string text = R"({"kind":"answer","id":7,"commands":[)" + commands + "]}";
        const auto frame = read(on, text);
        envelope_view message;
        message.origin = tina->id();
        message.user = "tina";
        message.type_token = R"("talk")";
        message.id_token = R"("m1")";
        command_progress progress;
        REQUIRE_FALSE(on.commands().answer(*source, message, frame, progress));
        on.commands().give_up(progress);
        const auto lost = wire::as_status_error(wire::error_code::handler_failed);
        on.commands().finish(message, &lost);
    });
    settle();
    const texts got = of_tina();
    REQUIRE(got.size() == 1);
    CHECK(got.front().find("handler_failed") != std::string::npos);
}

TEST_CASE_METHOD(fixture, "executor: a sender that left before its status is nobody", "[exchange]") {
    shards.ask(0, [&](shard& on) {
        std::string text = R"({"kind":"answer","id":7,"commands":[{"command":"sendClients","users":["gustav"]}]})";
        const auto frame = read(on, text);
        envelope_view message;
        message.origin = tina->id();
        message.user = "tina";
        message.type_token = R"("talk")";
        message.id_token = R"("m1")";
        command_progress at_once;
        on.commands().answer(*source, message, frame, at_once);
        tina.reset();
    });
    settle();
    CHECK(of_gustav(0) == texts{"shared"});
    shards.ask(0, [&](shard& on) { tina = std::make_unique<noting_session>(on, "tina"); });
    CHECK(of_tina().empty());
}

TEST_CASE_METHOD(fixture, "pending outcomes: in whatever order all is said, the sender is told once, at the end",
                 "[exchange]") {
    enum class step { finish, first, second };
    std::vector<step> order{step::finish, step::first, step::second};
    const bool has_failed = GENERATE(false, true);
    do {
        const texts seen = shards.ask(0, [&](shard& on) {
            tina->got.clear();
            pending_outcomes outcomes{on};
            envelope_view message;
            message.origin = tina->id();
            message.id_token = R"("m")";
            reach reached{outcomes};
            const auto first = outcomes.expect(&message, {}, reached);
            const auto second = outcomes.expect(&message, {}, reached);
            texts counts;
            for (const step each : order) {
                counts.push_back(std::to_string(tina->got.size()));
                partial_outcome part;
                part.delivered = 2;
                if (has_failed && each == step::second) part.error_code = "peer_expired";
                switch (each) {
                    case step::finish:
                        message.delivered = 1;
                        outcomes.finish(message, nullptr);
                        break;
                    case step::first: outcomes.arrived(first, part); break;
                    case step::second: outcomes.arrived(second, part); break;
                }
            }
            counts.insert(counts.end(), tina->got.begin(), tina->got.end());
            // What is said twice, or of what never was, reaches nobody.
            outcomes.arrived(first, {});
            outcomes.arrived({0, 1'000, 1'000}, {});
            tina->got.clear();
            return counts;
        });
        CHECK(seen == texts{"0", "0", "0", has_failed ? R"(done "m" peer_expired 5)" : R"(done "m" good 5)"});
    } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE_METHOD(fixture, "pending outcomes: a report waits for all of its parts, the command's own among them",
                 "[exchange]") {
    const bool is_own_part_last = GENERATE(false, true);
    const texts counts = shards.ask(0, [&](shard& on) {
        pending_outcomes outcomes{on};
        const report_target wanted{source->source_id(), "5", {}, 0};
        reach reached{outcomes};
        const auto there = outcomes.expect(nullptr, wanted, reached);
        reached.delivered = 1;
        reached.missed.push_back({"ann", "recipient_offline"});
        const session_id gone{1, 2, 3};
        texts told;
        if (!is_own_part_last) outcomes.complete(wanted, reached);
        told.push_back(std::to_string(source->told.size()));
        outcomes.arrived(there, 4, {gone}, wire::error_code::recipient_offline);
        told.push_back(std::to_string(source->told.size()));
        if (is_own_part_last) outcomes.complete(wanted, reached);
        told.insert(told.end(), source->told.begin(), source->told.end());
        return told;
    });
    REQUIRE(counts.size() == 3);
    CHECK(counts[0] == "0");
    CHECK(counts[1] == (is_own_part_last ? "0" : "1"));
    CHECK(counts[2].find(R"("delivered":5,)") != std::string::npos);
    CHECK(counts[2].find(R"("recipient":"ann")") != std::string::npos);
    CHECK(counts[2].find(R"("recipient":"0000000301000002")") != std::string::npos);
}

TEST_CASE_METHOD(fixture, "pending outcomes: whatever fails, the sender is told once, and no report stays behind",
                 "[exchange]") {
    // The message has an id that is too long to be kept without memory.
    const std::string id = '"' + std::string(100, 'm') + '"';
    const wire::status_error error{"handler_refused", "for a reason that takes memory to be kept", false};
    const bool has_error = GENERATE(false, true);
    std::size_t failures = 0;
    for (std::size_t number = 1;; ++number) {
        bool has_failed = false;
        const texts told = shards.ask(0, [&](shard& on) {
            tina->got.clear();
            pending_outcomes outcomes{on};
            envelope_view message;
            message.origin = tina->id();
            message.id_token = id;
            acknowledgement part;
            {
                reach reached{outcomes};
                part = outcomes.expect(&message, {source->source_id(), "5", {}, 0}, reached);
                // An exception ends the command here.
            }
            CHECK(outcomes.reports() == 0);
            has_failed =
                fail_allocation(number, [&] { outcomes.finish(message, has_error ? &error : nullptr); }).has_failed;
            outcomes.arrived(part, {});
            return tina->got;
        });
        CHECK(told.size() == 1);
        if (!has_failed) break;
        ++failures;
    }
    CHECK(failures > 0);
}

TEST_CASE_METHOD(fixture, "pending outcomes: a part that cannot be noted ends the report's channel, not the status",
                 "[exchange]") {
    for (std::size_t number = 1;; ++number) {
        bool has_failed = false;
        const texts told = shards.ask(0, [&](shard& on) {
            tina->got.clear();
            source->told.clear();
            source->missed = 0;
            pending_outcomes outcomes{on};
            envelope_view message;
            message.origin = tina->id();
            message.id_token = "\"m\"";
            reach reached{outcomes};
            const report_target wanted{source->source_id(), "5", {}, 0};
            const auto part = outcomes.expect(&message, wanted, reached);
            outcomes.complete(wanted, reached);
            outcomes.finish(message, nullptr);
            const std::vector<session_id> missed(20, session_id{1, 2, 3});
            has_failed = fail_allocation(number, [&] {
                             outcomes.arrived(part, 3, missed, wire::error_code::recipient_offline);
                         }).has_failed;
            CHECK(outcomes.reports() == 0);
            CHECK((source->missed > 0 || source->told.size() == 1));
            return tina->got;
        });
        REQUIRE(told.size() == 1);
        if (!has_failed) break;
    }
}

}  // namespace bester::exchange
