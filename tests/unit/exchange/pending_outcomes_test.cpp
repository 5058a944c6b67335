#include "executor_fixture.hpp"

namespace bester::exchange {

namespace {

using fixture = executor_fixture;

}  // namespace

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
        outcomes.arrived(there, 4, {&gone, 1}, wire::error_code::recipient_offline);
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
