// Who is ended when all shards together hold too much: holders that are no connections, on shards that run.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "clients_of_shards.hpp"
#include "exchange/byte_ledger.hpp"

using namespace bester;
using namespace bester::clients;
using exchange::held_kind;

namespace {

constexpr std::size_t kibi = 1024;

/// Holds bytes of a shard until it gives way; its weight is their number, or what the test says.
class holder final : public exchange::memory_holder {
public:
    explicit holder(exchange::byte_ledger& ledger) : ledger_{ledger} {}
    void hold(std::size_t bytes, std::uint64_t weight = 0) {
        weight_ = weight != 0 ? weight : bytes;
        ledger_.set(*this, entry_, bytes);
    }
    bool gave_way() const noexcept { return gave_way_; }

    std::uint64_t held_weight(held_kind, std::uint64_t) const noexcept override { return weight_; }
    void give_way(held_kind) override {
        gave_way_ = true;
        ledger_.set(*this, entry_, 0);
    }
    void check_frame_time(std::uint64_t) override {}

private:
    exchange::byte_ledger& ledger_;
    exchange::byte_ledger::entry entry_;
    std::uint64_t weight_ = 0;
    bool gave_way_ = false;
};

client_limits held_at_most(std::size_t bytes) {
    client_limits limits;
    limits.held_input = bytes;
    return limits;
}

class fixture {
public:
    explicit fixture(std::size_t most) : shards_{3, held_at_most(most)}, holders_(3) {}
    ~fixture() {
        for (unsigned shard = 0; shard < 3; ++shard)
            shards_.ask(shard, [&](shard_clients&) {
                for (const auto& each : holders_[shard]) each->hold(0);
            });
    }

    /// Somebody for each size, on this shard; all of them in one turn.
    void hold(unsigned shard, const std::vector<std::size_t>& sizes) {
        shards_.ask(shard, [&](shard_clients& there) { hold_here(there, shard, sizes); });
    }
    void hold_here(shard_clients& there, unsigned shard, const std::vector<std::size_t>& sizes) {
        for (const std::size_t size : sizes) {
            holders_[shard].push_back(std::make_unique<holder>(there.memory().account().input));
            holders_[shard].back()->hold(size);
        }
    }
    /// Returns, when nobody is ended any more, the indexes of those of the shard who were.
    std::vector<std::size_t> ended(unsigned shard) {
        shards_.settle(held_kind::input);
        return shards_.ask(shard, [&](shard_clients&) {
            std::vector<std::size_t> found;
            for (std::size_t i = 0; i < holders_[shard].size(); ++i)
                if (holders_[shard][i]->gave_way()) found.push_back(i);
            return found;
        });
    }
    clients_of_shards& shards() { return shards_; }

private:
    clients_of_shards shards_;
    std::vector<std::vector<std::unique_ptr<holder>>> holders_;
};

using indexes = std::vector<std::size_t>;

}  // namespace

TEST_CASE("memory bounds: the one that holds the most is ended, and nobody else", "[clients]") {
    fixture it{1'000 * kibi};
    it.hold(0, {300 * kibi, 500 * kibi, 400 * kibi});
    CHECK(it.ended(0) == indexes{1});
    it.hold(0, {100 * kibi, 100 * kibi});
    CHECK(it.ended(0) == indexes{1});  // what is held now is allowed
}

TEST_CASE("memory bounds: whoever meets the bound, the shard that holds the most ends those who do", "[clients]") {
    fixture it{900 * kibi};
    std::vector<std::size_t> many(10, 80 * kibi);
    many[7] = 81 * kibi;
    many[3] = 82 * kibi;
    it.hold(1, many);
    it.hold(2, {90 * kibi});
    CHECK(it.ended(1).empty());
    it.hold(0, {200 * kibi});
    // 1,093 are held; the three shards may hold 300 each.
    const indexes ended = it.ended(1);
    CHECK(ended.size() == 3);
    CHECK(std::count(ended.begin(), ended.end(), 3) == 1);
    CHECK(std::count(ended.begin(), ended.end(), 7) == 1);
    CHECK(it.ended(0).empty());
    CHECK(it.ended(2).empty());
}

TEST_CASE("memory bounds: the shard that exceeds it receives nothing from clients in the rest of that turn",
          "[clients]") {
    fixture it{1'000 * kibi};
    const bool took_before = it.shards().ask(1, [&](shard_clients& there) {
        it.hold_here(there, 1, {900 * kibi});
        return there.shard().takes_input();
    });
    CHECK(took_before);
    const bool took_then = it.shards().ask(1, [&](shard_clients& there) {
        it.hold_here(there, 1, {101 * kibi});
        return there.shard().takes_input();
    });
    CHECK_FALSE(took_then);
    CHECK(it.ended(1) == indexes{0});
    CHECK(it.shards().ask(1, [](shard_clients& there) { return there.shard().takes_input(); }));
}

TEST_CASE("memory bounds: of several shards that meet it at once, only one ends somebody at a time", "[clients]") {
    for (int round = 0; round < 50; ++round) {
        fixture it{900 * kibi};
        const std::vector<std::size_t> six(6, 100 * kibi);
        std::vector<std::future<void>> done;
        for (const unsigned shard : {0U, 1U, 2U})
            done.push_back(std::async(std::launch::async, [&it, &six, shard] { it.hold(shard, six); }));
        for (auto& each : done) each.get();
        // 1,800 are held; nine too many.
        CHECK(it.ended(0).size() + it.ended(1).size() + it.ended(2).size() == 9);
    }
}
