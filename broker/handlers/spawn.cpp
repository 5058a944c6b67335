#include "handlers/spawn.hpp"

#include "log/log.hpp"

namespace bester::handlers {

void report_escaped(const std::string& what, const std::exception_ptr& exception) {
    try {
        std::rethrow_exception(exception);
    } catch (const std::exception& error) {
        log::error("{}: internal error: {}", what, error.what());
    } catch (...) {
        log::error("{}: internal error of unknown type", what);
    }
}

}  // namespace bester::handlers
