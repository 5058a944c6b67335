#pragma once

#include <cstdint>
#include <utility>

#include "config/broker_config.hpp"
#include "config/key.hpp"

namespace bester::config {

// The units of the bounds and defaults in *_keys.cpp: durations in milliseconds, sizes in bytes.
inline constexpr std::uint64_t second = 1'000;
inline constexpr std::uint64_t minute = 60 * second;
inline constexpr std::uint64_t hour = 60 * minute;
inline constexpr std::uint64_t day = 24 * hour;
inline constexpr std::uint64_t kibi = 1ULL << 10;
inline constexpr std::uint64_t mebi = 1ULL << 20;
inline constexpr std::uint64_t gibi = 1ULL << 30;

/// Declares a key of the broker itself. `field` returns the member of a broker_config that it sets.
template <class Accessor>
key<broker_config> declared(key_facts facts, Accessor field) {
    return declare<broker_config>(std::move(facts), field);
}

}  // namespace bester::config
