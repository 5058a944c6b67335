#include "executor_fixture.hpp"

namespace bester::exchange {

namespace {

using fixture = executor_fixture;

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

TEST_CASE_METHOD(fixture, "executor: a shard without any memory still says what became of a join", "[exchange]") {
    const auto [most_groups, code] =
        GENERATE(table<std::size_t, std::string>({{0, "too_many_groups"}, {1'000, "internal_error"}}));
    const std::string id = shards.ask(1, [&](shard& there) {
        exchange_limits limits = there.limits();
        limits.groups = most_groups;
        there.apply(limits);
        return std::string{gustavs[0]->id().text()};
    });
    std::optional<failing_allocation> failing;
    push(R"({"command":"join","group":"hall","sessions":[")" + id + R"("],"report":"r"})",
         [&failing](shard&) { failing.emplace(1, 20); });
    const std::size_t frames = most_groups == 0 ? 2 : 1;  // the report, and the refusal
    const auto is_told = [&] { return shards.ask(0, [&](shard&) { return source->told.size() >= frames; }); };
    const auto limit = std::chrono::steady_clock::now() + std::chrono::minutes{1};
    while (!is_told()) REQUIRE(std::chrono::steady_clock::now() < limit);
    shards.ask(1, [&](shard&) { failing.reset(); });
    const auto all = told();
    REQUIRE(all.size() == frames);
    CHECK(all[0] == R"({"kind":"report","report":"r","delivered":0,"failed":[{"recipient":")" + id + R"(","code":")" +
                        code + R"("}]})");
    if (frames == 2) CHECK(all[1].find(R"("kind":"refused")") != std::string::npos);
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
        const envelope_view message = message_of_tina();
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
        const envelope_view message = message_of_tina();
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
        const envelope_view message = message_of_tina();
        command_progress at_once;
        on.commands().answer(*source, message, frame, at_once);
        tina.reset();
    });
    settle();
    CHECK(of_gustav(0) == texts{"shared"});
    shards.ask(0, [&](shard& on) { tina = std::make_unique<noting_session>(on, "tina"); });
    CHECK(of_tina().empty());
}

}  // namespace bester::exchange
