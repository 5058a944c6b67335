#include <bester/testing/case_result.hpp>

#include <algorithm>

namespace bester::testing {

std::size_t suite_result::failed() const noexcept {
    return static_cast<std::size_t>(
        std::count_if(cases.begin(), cases.end(), [](const case_result& it) { return !it.passed(); }));
}

}  // namespace bester::testing
