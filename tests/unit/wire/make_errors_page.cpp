// Prints proto-docs/errors.md: make_errors_page > proto-docs/errors.md
#include <iostream>

#include "errors_page.hpp"

int main() { std::cout << bester::wire::test::errors_page(); }
