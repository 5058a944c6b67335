#pragma once

#include <string>

namespace bester::wire::test {

/// proto-docs/errors.md, made from the table of errors. `make_errors_page` writes it, a test compares.
std::string errors_page();

}  // namespace bester::wire::test
