#include "config/surroundings.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <optional>
#include <string>

using namespace bester::config;

namespace {

/// Sets or unsets a variable and puts it back at the end.
class changed_variable {
public:
    changed_variable(const char* name, const char* value) : name_{name} {
        if (const char* const old = std::getenv(name)) {
            old_ = old;
        }
        set(value);
    }
    ~changed_variable() { set(old_ ? old_->c_str() : nullptr); }
    changed_variable(const changed_variable&) = delete;
    changed_variable& operator=(const changed_variable&) = delete;

private:
    void set(const char* value) const {
        if (value == nullptr) {
            unsetenv(name_);
        } else {
            setenv(name_, value, 1);
        }
    }

    const char* name_;
    std::optional<std::string> old_;
};

}  // namespace

TEST_CASE("surroundings: they are this machine's", "[config]") {
    const auto found = probe_surroundings();
    CHECK(!found.host_name.empty());
    CHECK(found.cores >= 1);
    CHECK(found.descriptor_limit >= 64);
    CHECK(found.user_id == geteuid());
    CHECK(found.search_path.find('/') != std::string::npos);
}

TEST_CASE("surroundings: systemd's runtime directory goes first, then root's or the session's", "[config]") {
    const changed_variable session{"XDG_RUNTIME_DIR", "/run/user/7"};
    {
        const changed_variable given{"RUNTIME_DIRECTORY", "/run/from-systemd:/run/other"};
        CHECK(probe_surroundings().runtime_directory == "/run/from-systemd");
    }
    const changed_variable none{"RUNTIME_DIRECTORY", nullptr};
    CHECK(probe_surroundings().runtime_directory == (geteuid() == 0 ? "/run/bester" : "/run/user/7/bester"));
}

TEST_CASE("surroundings: systemd's state directory goes first, then root's or the user's", "[config]") {
    {
        const changed_variable given{"STATE_DIRECTORY", "/var/lib/from-systemd:/var/lib/other"};
        CHECK(probe_surroundings().state_directory == "/var/lib/from-systemd");
        CHECK(default_account_database(probe_surroundings()) == "/var/lib/from-systemd/accounts.db");
    }
    const changed_variable none{"STATE_DIRECTORY", nullptr};
    const changed_variable home{"HOME", "/home/tina"};
    const std::string roots = "/var/lib/bester";
    {
        const changed_variable state{"XDG_STATE_HOME", "/states"};
        CHECK(probe_surroundings().state_directory == (geteuid() == 0 ? roots : "/states/bester"));
    }
    const changed_variable relative{"XDG_STATE_HOME", "states"};
    CHECK(probe_surroundings().state_directory == (geteuid() == 0 ? roots : "/home/tina/.local/state/bester"));
}
