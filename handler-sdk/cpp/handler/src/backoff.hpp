#pragma once

#include <algorithm>
#include <chrono>
#include <random>

namespace bester::detail {

/// Pauses between attempts to connect: doubling, up to a limit, each between half and all of it so
/// that many handlers do not come back at the same moment. Pure; chance comes from the caller.
class backoff {
public:
    template <class Random>
    std::chrono::milliseconds next(Random& random) {
        const auto pause = pause_;
        pause_ = std::min(2 * pause_, longest);
        return std::chrono::milliseconds{
            std::uniform_int_distribution<std::chrono::milliseconds::rep>{pause.count() / 2, pause.count()}(random)};
    }
    /// It worked: begin with short pauses again.
    void reset() noexcept { pause_ = shortest; }

    static constexpr std::chrono::milliseconds shortest{100};
    static constexpr std::chrono::milliseconds longest{10'000};

private:
    std::chrono::milliseconds pause_ = shortest;
};

}  // namespace bester::detail
