#include "config/surroundings.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace bester::config {
namespace {

constexpr std::size_t most_descriptors = 1'048'576;  // what "unlimited" means here

std::string environment(const char* name, const char* otherwise) {
    const char* const value = std::getenv(name);
    return value != nullptr && *value != '\0' ? value : otherwise;
}

std::string runtime_directory() {
    // systemd lists several separated by colons; the first is ours.
    const std::string given = environment("RUNTIME_DIRECTORY", "");
    if (!given.empty()) {
        return given.substr(0, given.find(':'));
    }
    if (geteuid() == 0) {
        return "/run/bester";
    }
    const std::string session = environment("XDG_RUNTIME_DIR", "");
    return session.empty() ? "/tmp/bester-" + std::to_string(geteuid()) : session + "/bester";
}

}  // namespace

surroundings probe_surroundings() {
    surroundings found;
    std::array<char, 256> name{};
    if (gethostname(name.data(), name.size() - 1) == 0) {
        found.host_name = name.data();
    }
    cpu_set_t usable;
    CPU_ZERO(&usable);
    if (sched_getaffinity(0, sizeof(usable), &usable) == 0) {
        found.cores = static_cast<unsigned>(std::max(1, CPU_COUNT(&usable)));
    }
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        found.descriptor_limit = std::min<std::size_t>(limit.rlim_max, most_descriptors);
    }
    found.runtime_directory = runtime_directory();
    found.search_path = environment("PATH", "/usr/local/bin:/usr/bin:/bin");
    found.user_id = geteuid();
    return found;
}

}  // namespace bester::config
