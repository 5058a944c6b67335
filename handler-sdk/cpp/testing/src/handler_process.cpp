#include <bester/testing/handler_process.hpp>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <system_error>

namespace bester::testing {

namespace {

std::vector<std::string> environment_lines(const std::vector<std::pair<std::string, std::string>>& own) {
    std::vector<std::string> lines;
    for (const char* name : {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "ASAN_OPTIONS",
                             "UBSAN_OPTIONS", "TSAN_OPTIONS"})
        if (const char* const value = std::getenv(name)) lines.push_back(std::string{name} + "=" + value);
    for (const auto& [name, value] : own) lines.push_back(name + "=" + value);
    return lines;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> list;
    for (auto& text : texts) list.push_back(text.data());
    list.push_back(nullptr);
    return list;
}

}  // namespace

handler_process::handler_process(const std::vector<std::string>& command,
                                 const std::vector<std::pair<std::string, std::string>>& environment) {
    output_ = ::memfd_create("handler output", MFD_CLOEXEC);
    if (output_ < 0) throw std::system_error{errno, std::generic_category(), "memfd_create"};
    ::fcntl(output_, F_SETFL, O_APPEND);
    auto arguments = command;
    auto lines = environment_lines(environment);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output_, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output_, STDERR_FILENO);
    const int error = ::posix_spawnp(&pid_, command.at(0).c_str(), &actions, nullptr, pointers(arguments).data(),
                                     pointers(lines).data());
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        ::close(output_);
        throw std::system_error{error, std::generic_category(), "cannot be started"};
    }
    pidfd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
}

handler_process::~handler_process() {
    if (!has_ended_) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, &status_, 0);
    }
    ::close(pidfd_);
    ::close(output_);
}

bool handler_process::await_end(std::chrono::milliseconds limit) {
    if (has_ended_) return true;
    pollfd watched{pidfd_, POLLIN, 0};
    if (::poll(&watched, 1, static_cast<int>(limit.count())) <= 0) return false;
    has_ended_ = ::waitpid(pid_, &status_, WNOHANG) == pid_;
    return has_ended_;
}

void handler_process::terminate() noexcept {
    if (!has_ended_) ::kill(pid_, SIGTERM);
}

std::string handler_process::end() const {
    if (!has_ended_) return "running";
    if (WIFSIGNALED(status_)) {
        const int signal = WTERMSIG(status_);
        return "killed by signal " + std::to_string(signal) + " (" + ::strsignal(signal) + ")";
    }
    return "exit code " + std::to_string(WEXITSTATUS(status_));
}

bool handler_process::ended_well() const noexcept {
    return has_ended_ && WIFEXITED(status_) && WEXITSTATUS(status_) == 0;
}

std::string handler_process::output() const {
    std::string text;
    std::array<char, 4096> bytes;
    for (off_t at = 0;;) {
        const ssize_t got = ::pread(output_, bytes.data(), bytes.size(), at);
        if (got <= 0) return text;
        text.append(bytes.data(), static_cast<std::size_t>(got));
        at += got;
    }
}

}  // namespace bester::testing
