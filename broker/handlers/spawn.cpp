#include "handlers/spawn.hpp"

#include <spdlog/spdlog.h>

namespace bester::handlers {

void report_escaped(const std::string& what, const std::exception_ptr& exception) {
    try {
        std::rethrow_exception(exception);
    } catch (const std::exception& error) {
        spdlog::error("{}: internal error: {}", what, error.what());
    } catch (...) {
        spdlog::error("{}: internal error of unknown type", what);
    }
}

}  // namespace bester::handlers
