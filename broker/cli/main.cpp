#include "cli/application.hpp"

int main(int argc, char** argv) { return bester::cli::run(argc, argv); }
