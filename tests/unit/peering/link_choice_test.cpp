#include "peering/link/link_choice.hpp"

#include <catch2/catch.hpp>
#include <ostream>

namespace bester::peering {

std::ostream& operator<<(std::ostream& out, link_decision decision) {
    return out << (decision == link_decision::replace ? "replace" : "keep_current");
}

namespace {

using namespace std::chrono_literals;
constexpr bool ours = true;
constexpr bool theirs = false;

}  // namespace

TEST_CASE("link choice: the table", "[peering]") {
    using enum link_decision;
    struct {
        link_candidate current;
        link_candidate candidate;
        const char* own;
        const char* peer;
        link_decision expected;
    } const cases[] = {
        // The same direction: the new one.
        {{ours, 0s, 1}, {ours, 0s, 1}, "a", "b", replace},
        {{theirs, 0s, 1}, {theirs, 0s, 1}, "a", "b", replace},
        // Another run of the peer: the new one, whoever dialled.
        {{ours, 0s, 1}, {theirs, 0s, 2}, "a", "b", replace},
        {{theirs, 0s, 1}, {ours, 0s, 2}, "b", "a", replace},
        // Both dialled: that of the server that sorts first.
        {{ours, 0s, 1}, {theirs, 0s, 1}, "a", "b", keep_current},
        {{theirs, 0s, 1}, {ours, 0s, 1}, "a", "b", replace},
        {{ours, 0s, 1}, {theirs, 0s, 1}, "b", "a", replace},
        {{theirs, 0s, 1}, {ours, 0s, 1}, "b", "a", keep_current},
        // Unless it is silent.
        {{ours, 15s, 1}, {theirs, 0s, 1}, "a", "b", keep_current},
        {{ours, 15'001ms, 1}, {theirs, 0s, 1}, "a", "b", replace},
        {{theirs, 1h, 1}, {ours, 0s, 1}, "b", "a", replace},
    };
    for (const auto& [current, candidate, own, peer, expected] : cases) {
        CAPTURE(current.is_dialled_by_us, candidate.is_dialled_by_us, current.incarnation, candidate.incarnation, own,
                peer);
        CHECK(choose_link(current, candidate, own, peer, 15s) == expected);
    }
}

TEST_CASE("link choice: both ends keep the same link, in whatever order they see the two", "[peering]") {
    // The link that a dialled, and the one that b dialled, as each end sees them.
    const auto keeps_link_of_a = [](bool is_at_a, bool sees_link_of_a_first) {
        const link_candidate of_a{is_at_a, 0s, 1};
        const link_candidate of_b{!is_at_a, 0s, 1};
        const auto decision = sees_link_of_a_first
                                  ? choose_link(of_a, of_b, is_at_a ? "a" : "b", is_at_a ? "b" : "a", 15s)
                                  : choose_link(of_b, of_a, is_at_a ? "a" : "b", is_at_a ? "b" : "a", 15s);
        return (decision == link_decision::keep_current) == sees_link_of_a_first;
    };
    for (const bool at_a_first : {true, false})
        for (const bool at_b_first : {true, false}) {
            CHECK(keeps_link_of_a(true, at_a_first));
            CHECK(keeps_link_of_a(false, at_b_first));
        }
}

}  // namespace bester::peering
