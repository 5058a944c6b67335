#include "config/wording.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace bester::config {
namespace {

using json::longest_excerpt;

constexpr std::size_t most_candidates = 64;  // bounds the search for a similar name

/// Returns the optimal string alignment distance; both texts are short (at most `longest_excerpt`).
std::size_t edits_between(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before_last(b.size() + 1);
    std::vector<std::size_t> last(b.size() + 1);
    std::vector<std::size_t> current(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        last[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        current[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            current[j] = std::min({last[j] + 1, current[j - 1] + 1, replaced});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                current[j] = std::min(current[j], before_last[j - 2] + 1);
            }
        }
        std::swap(before_last, last);
        std::swap(last, current);
    }
    return last[b.size()];
}

}  // namespace

std::optional<std::string_view> nearest(std::string_view text, std::span<const std::string_view> candidates) {
    if (text.empty() || text.size() > longest_excerpt) {
        return std::nullopt;
    }
    std::optional<std::string_view> best;
    std::size_t fewest = text.size() < 4 ? 1 : std::max<std::size_t>(2, text.size() / 3);
    for (const std::string_view candidate : candidates.first(std::min(candidates.size(), most_candidates))) {
        if (candidate.size() > text.size() + fewest || text.size() > candidate.size() + fewest) {
            continue;
        }
        const std::size_t edits = edits_between(text, candidate);
        if (edits < text.size() && (best ? edits < fewest : edits <= fewest)) {
            best = candidate;
            fewest = edits;
        }
    }
    return best;
}

std::string suggestion(std::string_view text, std::span<const std::string_view> candidates) {
    if (const auto meant = nearest(text, candidates)) {
        return "; did you mean " + json_quoted(*meant) + "?";
    }
    return candidates.empty() || candidates.size() > most_candidates ? "" : "; valid here: " + listed(candidates);
}

std::string listed(std::span<const std::string_view> texts) {
    std::string out;
    for (const std::string_view text : texts) {
        out += (out.empty() ? "" : ", ") + json_quoted(text);
    }
    return out;
}

}  // namespace bester::config
