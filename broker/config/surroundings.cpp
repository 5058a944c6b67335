#include "config/surroundings.hpp"

#include <pwd.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

namespace bester::config {
namespace {

constexpr std::size_t most_descriptors = 1'048'576;  // the meaning of "unlimited"

std::string environment(const char* name, const char* otherwise) {
    const char* const value = std::getenv(name);
    return value != nullptr && *value != '\0' ? value : otherwise;
}

/// systemd lists several folders separated by colons; the first one is used.
std::string first_folder(const char* name) {
    const std::string given = environment(name, "");
    return given.substr(0, given.find(':'));
}

std::string runtime_directory() {
    if (const std::string given = first_folder("RUNTIME_DIRECTORY"); !given.empty()) {
        return given;
    }
    if (geteuid() == 0) {
        return "/run/bester";
    }
    const std::string session = environment("XDG_RUNTIME_DIR", "");
    return session.empty() ? "/tmp/bester-" + std::to_string(geteuid()) : session + "/bester";
}

std::string home_directory() {
    const std::string given = environment("HOME", "");
    if (!given.empty()) {
        return given;
    }
    passwd entry{};
    passwd* found = nullptr;
    std::vector<char> buffer(16'384);
    getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &found);
    return found == nullptr ? "" : found->pw_dir;
}

std::string state_directory() {
    if (const std::string given = first_folder("STATE_DIRECTORY"); !given.empty()) {
        return given;
    }
    if (geteuid() == 0) {
        return "/var/lib/bester";
    }
    // The specification of XDG_STATE_HOME requires that a relative path is ignored.
    if (const std::string state = environment("XDG_STATE_HOME", ""); state.starts_with('/')) {
        return state + "/bester";
    }
    return home_directory() + "/.local/state/bester";
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
    found.state_directory = state_directory();
    found.search_path = environment("PATH", "/usr/local/bin:/usr/bin:/bin");
    found.user_id = geteuid();
    return found;
}

std::string default_account_database(const surroundings& machine) { return machine.state_directory + "/accounts.db"; }

}  // namespace bester::config
