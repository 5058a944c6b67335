#include "config/units.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <span>
#include <system_error>

namespace bester::config {
namespace {

struct unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr std::array durations{unit{"h", 3'600'000}, unit{"m", 60'000}, unit{"s", 1'000}, unit{"ms", 1}};

constexpr std::array sizes{unit{"TiB", 1ULL << 40}, unit{"GiB", 1ULL << 30}, unit{"MiB", 1ULL << 20},
                           unit{"KiB", 1ULL << 10}, unit{"B", 1}};

constexpr std::array decimal_sizes{unit{"TB", 1'000'000'000'000}, unit{"GB", 1'000'000'000}, unit{"MB", 1'000'000},
                                   unit{"KB", 1'000}};

std::optional<std::uint64_t> parse(std::string_view text, std::span<const unit> units) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) {
        return std::nullopt;
    }
    const std::string_view name{end, static_cast<std::size_t>(text.data() + text.size() - end)};
    for (const unit& known : units) {
        if (known.name == name && number <= std::numeric_limits<std::uint64_t>::max() / known.factor) {
            return number * known.factor;
        }
    }
    return std::nullopt;
}

std::string format(std::uint64_t amount, std::span<const unit> units, std::string_view unit_of_zero) {
    for (const unit& known : units) {
        if (amount != 0 && amount % known.factor == 0) {
            return std::to_string(amount / known.factor) + std::string{known.name};
        }
    }
    return std::string{'0'}.append(unit_of_zero);
}

}  // namespace

std::optional<std::uint64_t> parse_duration(std::string_view text) { return parse(text, durations); }

std::optional<std::uint64_t> parse_size(std::string_view text) {
    const auto binary = parse(text, sizes);
    return binary ? binary : parse(text, decimal_sizes);
}

std::string format_duration(std::uint64_t milliseconds) { return format(milliseconds, durations, "s"); }

std::string format_size(std::uint64_t bytes) { return format(bytes, sizes, "B"); }

}  // namespace bester::config
