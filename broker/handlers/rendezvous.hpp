#pragma once

#include <cstdint>

namespace bester::handlers {

/// Returns the score of an instance for messages of one order; the instance with the highest score gets them. When an
/// instance comes or goes, only messages that move to it or were at it change their instance (rendezvous hashing). All
/// shards get the same result, since it depends on the two numbers alone. The mixing is that of SplitMix64.
constexpr std::uint64_t rendezvous_score(std::uint64_t order, unsigned instance) noexcept {
    std::uint64_t x = order + (std::uint64_t{instance} + 1) * 0x9e3779b97f4a7c15ULL;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
    return x ^ x >> 31;
}

}  // namespace bester::handlers
