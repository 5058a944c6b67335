#include "handlers/process_launch.hpp"

#include "handlers/guard.hpp"
#include "handlers/process.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

namespace bester::handlers {

namespace {

enum class step : int { group, output, user, directory, execute };

struct child_failure {
    step failed;
    int error;
};

std::string error_text(int error) { return std::generic_category().message(error); }

/// A descriptor that closes itself, never below 3 so that it is safe to dup2 onto stdio.
class owned_fd {
public:
    owned_fd() = default;
    explicit owned_fd(int fd) : fd_(fd) {
        if (fd_ >= 0 && fd_ < 3) {
            fd_ = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
            ::close(fd);
        }
    }
    owned_fd(owned_fd&& other) noexcept : fd_(other.release()) {}
    owned_fd& operator=(owned_fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~owned_fd() { reset(); }
    int get() const noexcept { return fd_; }
    int release() noexcept { return std::exchange(fd_, -1); }
    void reset() noexcept {
        if (fd_ >= 0) ::close(release());
    }

private:
    int fd_ = -1;
};

struct owned_pipe {
    owned_fd read;
    owned_fd write;

    bool open() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) return false;
        read = owned_fd(ends[0]);
        write = owned_fd(ends[1]);
        return read.get() >= 0 && write.get() >= 0;
    }
};

struct identity {
    bool changes = false;
    uid_t user = 0;
    gid_t group = 0;
    std::vector<gid_t> groups;
    std::string home;
};

tl::expected<identity, std::string> find_identity(const std::string& user) {
    identity found;
    if (user.empty()) return found;
    errno = 0;
    const passwd* entry = ::getpwnam(user.c_str());
    if (!entry)
        return tl::unexpected("there is no user '" + user + "' on this machine" +
                              (errno ? " (" + error_text(errno) + ")" : ""));
    found.user = entry->pw_uid;
    found.group = entry->pw_gid;
    found.home = entry->pw_dir;
    found.changes = found.user != ::geteuid();
    if (!found.changes) return found;
    if (::geteuid() != 0) return tl::unexpected("cannot run as user '" + user + "': the broker does not run as root");
    int count = 64;
    found.groups.resize(static_cast<std::size_t>(count));
    while (::getgrouplist(user.c_str(), found.group, found.groups.data(), &count) < 0)
        found.groups.resize(static_cast<std::size_t>(count));
    found.groups.resize(static_cast<std::size_t>(count));
    return found;
}

std::map<std::string, std::string> make_environment(const process_settings& settings, const identity& as) {
    std::map<std::string, std::string> made{{"PATH", "/usr/local/bin:/usr/bin:/bin"}};
    for (const char* name : {"PATH", "HOME", "LANG", "TZ"})
        if (const char* value = std::getenv(name)) made[name] = value;
    if (as.changes) made["HOME"] = as.home;
    for (const auto& [name, value] : settings.environment) made[name] = value;
    return made;
}

/// Searches like execvp, but before the fork and with the child's PATH.
std::string find_executable(const std::string& name, const std::string& path) {
    if (name.find('/') != std::string::npos) return name;
    std::string_view rest = path;
    for (;;) {
        const std::size_t colon = rest.find(':');
        const std::string_view directory = rest.substr(0, colon);
        std::string candidate = (directory.empty() ? "." : std::string(directory)) + "/" + name;
        struct stat about {};
        if (::stat(candidate.c_str(), &about) == 0 && S_ISREG(about.st_mode) && ::access(candidate.c_str(), X_OK) == 0)
            return candidate;
        if (colon == std::string_view::npos) return {};
        rest.remove_prefix(colon + 1);
    }
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> list;
    list.reserve(strings.size() + 1);
    for (std::string& text : strings) list.push_back(text.data());
    list.push_back(nullptr);
    return list;
}

struct child_plan {
    const char* executable;
    char* const* arguments;
    char* const* environment;
    const char* directory;
    const identity* as;
    int null;
    int output;
    int errors;
    int report;
    int guard;
};

[[noreturn]] void give_up(const child_plan& plan, step failed) noexcept {
    const child_failure failure{failed, errno};
    // If this cannot be written, the parent sees status 127 instead.
    [[maybe_unused]] const ssize_t written = ::write(plan.report, &failure, sizeof failure);
    ::_exit(127);
}

/// Runs between fork and exec of a process with threads: only async-signal-safe calls. The raw system calls are those
/// whose glibc wrappers would communicate with the other threads.
[[noreturn]] void run_child(const child_plan& plan) noexcept {
    if (::setpgid(0, 0) != 0) give_up(plan, step::group);
    if (plan.guard >= 0) guard::enroll_self(plan.guard);

    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; ++number) ::sigaction(number, &standard, nullptr);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);

    if (::dup2(plan.null, 0) < 0 || ::dup2(plan.output, 1) < 0 || ::dup2(plan.errors, 2) < 0)
        give_up(plan, step::output);
    if (plan.as->changes && (::syscall(SYS_setgroups, plan.as->groups.size(), plan.as->groups.data()) != 0 ||
                             ::syscall(SYS_setresgid, plan.as->group, plan.as->group, plan.as->group) != 0 ||
                             ::syscall(SYS_setresuid, plan.as->user, plan.as->user, plan.as->user) != 0))
        give_up(plan, step::user);
    if (plan.directory && ::chdir(plan.directory) != 0) give_up(plan, step::directory);
    // Marked, not closed: the report must reach the parent if exec fails.
    ::close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
    ::execve(plan.executable, plan.arguments, plan.environment);
    give_up(plan, step::execute);
}

std::string explain(const child_failure& failure, const process_settings& settings, const std::string& executable) {
    const std::string why = ": " + error_text(failure.error);
    switch (failure.failed) {
        case step::group: return "cannot make a process group" + why;
        case step::output: return "cannot connect its output" + why;
        case step::user: return "cannot become user '" + settings.user + "'" + why;
        case step::directory: return "cannot enter the directory '" + settings.directory + "'" + why;
        case step::execute: break;
    }
    return "cannot execute '" + executable + "'" + why;
}

}  // namespace

tl::expected<launched_process, std::string> launch(const process_settings& settings, guard* watcher) {
    if (settings.command.empty() || settings.command.front().empty())
        return tl::unexpected(std::string("it has no command"));
    const auto as = find_identity(settings.user);
    if (!as) return tl::unexpected(as.error());
    const auto variables = make_environment(settings, *as);
    const std::string executable = find_executable(settings.command.front(), variables.at("PATH"));
    if (executable.empty())
        return tl::unexpected("cannot find '" + settings.command.front() + "' in PATH (" + variables.at("PATH") + ")");

    std::vector<std::string> arguments = settings.command;
    std::vector<std::string> environment;
    for (const auto& [name, value] : variables) environment.push_back(name + "=" + value);
    const std::vector<char*> argument_list = pointers(arguments);
    const std::vector<char*> environment_list = pointers(environment);

    owned_pipe output, errors, report;
    const owned_fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (null.get() < 0 || !output.open() || !errors.open() || !report.open())
        return tl::unexpected("cannot open pipes to it: " + error_text(errno));
    for (const int fd : {output.read.get(), errors.read.get()}) ::fcntl(fd, F_SETFL, O_NONBLOCK);

    const child_plan plan{executable.c_str(),
                          argument_list.data(),
                          environment_list.data(),
                          settings.directory.empty() ? nullptr : settings.directory.c_str(),
                          &*as,
                          null.get(),
                          output.write.get(),
                          errors.write.get(),
                          report.write.get(),
                          watcher ? watcher->descriptor() : -1};
    // No signal handler of the broker may run in the child before they are reset.
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    const pid_t pid = ::fork();
    if (pid == 0) run_child(plan);
    const int fork_error = errno;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (pid < 0) return tl::unexpected("cannot fork: " + error_text(fork_error));

    report.write.reset();
    child_failure failure{};
    ssize_t count = 0;
    do count = ::read(report.read.get(), &failure, sizeof failure);
    while (count < 0 && errno == EINTR);
    if (count != 0) {
        while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {}
        if (watcher) watcher->forget(pid);
        return tl::unexpected(explain(failure, settings, executable));
    }
    return launched_process{pid, output.read.release(), errors.read.release()};
}

}  // namespace bester::handlers
