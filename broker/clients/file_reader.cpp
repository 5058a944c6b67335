#include "clients/file_reader.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace bester::clients {

namespace {

class descriptor {
public:
    explicit descriptor(int fd) noexcept : fd_{fd} {}
    ~descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }

private:
    int fd_;
};

int open_beneath(int root, const std::string& path) noexcept {
    open_how how{};
    how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    return static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how));
}

bool read_all(int fd, exchange::payload& into) noexcept {
    std::size_t at = 0;
    while (at < into.size()) {
        const ssize_t got = ::read(fd, into.data() + at, into.size() - at);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;  // it became shorter meanwhile
        at += static_cast<std::size_t>(got);
    }
    return true;
}

file_reader::result read_file(const std::string& root, const std::string& path, std::size_t limit) {
    using outcome = file_reader::outcome;
    file_reader::result result;
    const descriptor folder{::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    const descriptor file{folder ? open_beneath(folder.get(), path) : -1};
    struct stat facts {};
    if (!file || ::fstat(file.get(), &facts) != 0) return result;
    if (S_ISDIR(facts.st_mode)) {
        result.what = outcome::is_folder;
        return result;
    }
    if (!S_ISREG(facts.st_mode)) return result;
    const auto size = static_cast<std::uint64_t>(facts.st_size);
    result.version = {size, facts.st_mtim.tv_sec * 1'000'000'000 + facts.st_mtim.tv_nsec};
    if (size > limit) {
        result.what = outcome::too_large;
        return result;
    }
    result.content = exchange::payload::of_size(size);
    result.what = read_all(file.get(), result.content) ? outcome::read : outcome::failed;
    return result;
}

}  // namespace

file_reader::~file_reader() { stop(); }

void file_reader::read(std::string root, std::string path, std::size_t limit, completion done) {
    {
        const std::lock_guard lock{mutex_};
        if (is_stopping_) return;
        if (jobs_.size() < most_waiting) {
            jobs_.push_back({std::move(root), std::move(path), limit, std::move(done)});
            if (!thread_.joinable()) thread_ = std::thread{[this] { run(); }};
            has_work_.notify_one();
            return;
        }
    }
    done({outcome::busy, {}, {}});
}

void file_reader::stop() {
    {
        const std::lock_guard lock{mutex_};
        is_stopping_ = true;
        jobs_.clear();
    }
    has_work_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void file_reader::run() {
    for (;;) {
        std::unique_lock lock{mutex_};
        has_work_.wait(lock, [this] { return is_stopping_ || !jobs_.empty(); });
        if (is_stopping_) return;
        const job next = std::move(jobs_.front());
        jobs_.pop_front();
        lock.unlock();
        next.done(read_file(next.root, next.path, next.limit));
    }
}

}  // namespace bester::clients
