#include "run_options.hpp"

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace bester::detail {

namespace {

std::string variable(const char* name) {
    const char* const value = std::getenv(name);
    return value != nullptr ? value : "";
}

void print_usage(std::FILE* out, const char* program) {
    std::fprintf(out,
                 "Usage: %s [--socket PATH] [--handler NAME]\n\n"
                 "A handler of the bester message broker, which starts it with all it needs. To attach it\n"
                 "by hand (the handler's entry in the config says \"start\": \"manual\"):\n\n"
                 "  --socket PATH   the broker's handler socket (default: $BESTER_SOCKET)\n"
                 "  --handler NAME  the entry in the broker's config (default: $BESTER_HANDLER)\n"
                 "  --help          this text\n",
                 program);
}

}  // namespace

run_settings settings_of_environment(const std::string& name) {
    run_settings settings{variable("BESTER_SOCKET"), variable("BESTER_HANDLER"), variable("BESTER_TOKEN")};
    if (settings.handler.empty()) settings.handler = name;
    return settings;
}

std::optional<int> read_options(int argc, char** argv, run_settings& settings) {
    const char* const program = argc > 0 ? argv[0] : "handler";
    for (int i = 1; i < argc; ++i) {
        const std::string_view option{argv[i]};
        const bool has_value = i + 1 < argc;
        if (option == "--help" || option == "-h") {
            print_usage(stdout, program);
            return 0;
        }
        if (option == "--socket" && has_value) settings.socket = argv[++i];
        else if (option == "--handler" && has_value) settings.handler = argv[++i];
        else {
            std::fprintf(stderr, "%s: unknown or incomplete option \"%s\"\n\n", program, argv[i]);
            print_usage(stderr, program);
            return 2;
        }
    }
    return std::nullopt;
}

}  // namespace bester::detail
