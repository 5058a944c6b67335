#include <simdjson.h>

#include <catch2/catch.hpp>
#include <random>
#include <string>

#include "json_cases.hpp"
#include "json_reference.hpp"
#include "padded.hpp"

namespace bester::wire {

using namespace test;

namespace {

/// Runs `check` with each of simdjson's kernels that this processor can run: they are different
/// code, and which one users have depends on their machine.
template <class Check>
void with_each_kernel(Check&& check) {
    auto& active = simdjson::get_active_implementation();
    const simdjson::implementation* const before = active;
    int checked = 0;
    for (const auto* kernel : simdjson::get_available_implementations()) {
        if (!kernel->supported_by_runtime_system()) continue;
        CAPTURE(kernel->name());
        active = kernel;
        json_reader reader;  // takes the kernel that is active when it reads first
        check(reader);
        ++checked;
    }
    active = before;
    CHECK(checked > 0);
}

/// As the text is, and with it at other places of simdjson's 64-byte blocks.
template <class Check>
void at_several_places(const std::string& text, Check&& check) {
    for (const std::size_t shift : {0u, 1u, 7u, 30u, 61u, 62u, 63u, 64u, 65u, 127u, 128u})
        check(std::string(shift, ' ') + text);
}

}  // namespace

TEST_CASE("json reader: all that the RFC allows is taken, with every kernel", "[wire]") {
    with_each_kernel([](json_reader& reader) {
        for (const std::string& text : valid_json()) {
            CAPTURE(text);
            at_several_places(text, [&](const std::string& placed) {
                CHECK(reader_accepts(reader, placed));
                CHECK(reader_accepts(reader, placed + "\n"));
                CHECK(reader_accepts(reader, "[" + placed + "," + placed + "]"));
                CHECK(reader_accepts(reader, "{\"k\":" + placed + "}"));
            });
        }
    });
}

TEST_CASE("json reader: nothing that the RFC forbids is taken, with every kernel", "[wire]") {
    with_each_kernel([](json_reader& reader) {
        for (const auto* texts : {&invalid_json(), &refused_json()}) {
            for (const std::string& text : *texts) {
                CAPTURE(text);
                at_several_places(text,
                                  [&](const std::string& placed) { CHECK_FALSE(reader_accepts(reader, placed)); });
                CHECK_FALSE(reader_accepts(reader, "{\"k\":" + text + "}"));
            }
        }
    });
}

TEST_CASE("json reader: the reference knows the same tables", "[wire]") {
    for (const std::string& text : valid_json()) {
        CAPTURE(text);
        CHECK(reference_accepts(text));
    }
    for (const std::string& text : invalid_json()) {
        CAPTURE(text);
        CHECK_FALSE(reference_accepts(text));
    }
    // What nlohmann alone sees differently, and why json_reference.hpp is more than a call.
    CHECK_FALSE(nlohmann::json::accept("1e999"));
    CHECK(nlohmann::json::accept(std::string("{}\0x", 4)));
    CHECK(nlohmann::json::accept("\xef\xbb\xbf{}"));
}

TEST_CASE("json reader: mutated texts are judged as nlohmann judges them", "[wire]") {
    std::mt19937 random{8259};
    const auto pick = [&](std::size_t count) { return random() % count; };
    const std::string alphabet =
        "{}[]:,\"\\ \n0123456789+-.eEtruefalsn/bu\x01\x0c\x1a\x7f\x80\xc3\xbc\xe2\xff" + std::string(1, '\0');
    std::vector<std::string> texts = valid_json();
    texts.insert(
        texts.end(),
        {
            R"({"header":{"scope":"client","authentication":{"username":"tina","password":"x"}},"payload":{"type":"a","data":{"to":["g",1.5e3,null,true]},"id":"m1"}})",
            R"([{"k":[[],{},"\ud83d\ude00 \\ \"",-0.5e-10,false]},{"k2":{"k3":"plain text that is longer than a block of sixty-four bytes is"}}])",
        });
    json_reader reader{8};
    int accepted = 0;
    constexpr int rounds = 60'000;
    for (int round = 0; round < rounds; ++round) {
        std::string text = texts[pick(texts.size())];
        for (std::size_t change = pick(4); change > 0 && !text.empty(); --change) {
            const std::size_t at = pick(text.size());
            switch (pick(5)) {
                case 0: text[at] = alphabet[pick(alphabet.size())]; break;
                case 1: text.insert(at, 1, alphabet[pick(alphabet.size())]); break;
                case 2: text.erase(at, 1 + pick(3)); break;
                case 3: text.insert(at, text.substr(pick(text.size()), pick(20))); break;
                default: text.insert(at, texts[pick(texts.size())]);
            }
        }
        const bool expected = reference_accepts(text, 8);
        accepted += expected;
        if (reader_accepts(reader, text) != expected) {
            CAPTURE(text, expected);
            FAIL("json_reader and the reference disagree");
        }
    }
    // Both verdicts must be common, or the test shows nothing.
    CHECK(accepted > rounds / 10);
    CHECK(accepted < rounds * 9 / 10);
}

}  // namespace bester::wire
