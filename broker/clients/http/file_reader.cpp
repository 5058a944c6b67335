#include "clients/http/file_reader.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

namespace bester::clients {

namespace {

constexpr std::size_t any_number = ~std::size_t{0};  // each read is of a file that has a place

class descriptor {
public:
    explicit descriptor(int fd) noexcept : fd_{fd} {}
    ~descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    int get() const noexcept { return fd_; }
    int release() noexcept { return std::exchange(fd_, -1); }
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

web::file_version version_of(const struct stat& facts) noexcept {
    return {static_cast<std::uint64_t>(facts.st_size), facts.st_mtim.tv_sec * 1'000'000'000 + facts.st_mtim.tv_nsec};
}

/// Returns whether the bytes are of the version that the client was told of; a file that has only grown still has them.
bool is_unchanged(const file_reader::source& file) noexcept {
    struct stat facts {};
    if (::fstat(file.fd(), &facts) != 0) return false;
    const web::file_version now = version_of(facts);
    return now == file.version() || now.size > file.version().size;
}

bool read_all(int fd, std::uint64_t offset, exchange::payload& into) noexcept {
    std::size_t at = 0;
    while (at < into.size()) {
        const ssize_t got = ::pread(fd, into.data() + at, into.size() - at, static_cast<off_t>(offset + at));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;  // the file became shorter meanwhile
        at += static_cast<std::size_t>(got);
    }
    return true;
}

file_reader::result read_piece(std::shared_ptr<const file_reader::source> file, std::uint64_t offset) {
    const std::uint64_t left = file->version().size - offset;
    file_reader::result result{file_reader::outcome::read, file->version(), {}, {}};
    if (left > 0) result.piece = exchange::payload::of_size(std::min<std::uint64_t>(left, file_reader::piece_size));
    if (!read_all(file->fd(), offset, result.piece) || !is_unchanged(*file))
        return {file_reader::outcome::failed, {}, {}, {}};
    if (result.piece.size() < left) result.rest = std::move(file);
    return result;
}

file_reader::outcome why_not_opened() noexcept {
    return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? file_reader::outcome::busy
                                                                 : file_reader::outcome::not_found;
}

file_reader::result open_file(const file_reader::request& wanted) {
    const descriptor folder{::open(wanted.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (!folder) return {why_not_opened(), {}, {}, {}};
    descriptor file{open_beneath(folder.get(), wanted.path)};
    if (!file) return {why_not_opened(), {}, {}, {}};
    struct stat facts {};
    if (::fstat(file.get(), &facts) != 0) return {};
    if (S_ISDIR(facts.st_mode)) return {file_reader::outcome::is_folder, {}, {}, {}};
    if (!S_ISREG(facts.st_mode)) return {};
    const web::file_version version = version_of(facts);
    if (version.size > wanted.limit) return {file_reader::outcome::too_large, version, {}, {}};
    if (!wanted.wants_content(version)) return {file_reader::outcome::read, version, {}, {}};
    return read_piece(std::make_shared<const file_reader::source>(file.release(), version), 0);
}

}  // namespace

file_reader::source::~source() { ::close(fd_); }

file_reader::~file_reader() { stop(); }

std::optional<file_reader::place> file_reader::take_place(std::size_t most) noexcept {
    place taken{places_taken_};
    if (places_taken_.fetch_add(1, std::memory_order_relaxed) < most) return taken;
    return std::nullopt;
}

void file_reader::open(request wanted, completion done) {
    add([wanted = std::move(wanted)] { return open_file(wanted); }, std::move(done));
}

void file_reader::read_on(std::shared_ptr<const source> file, std::uint64_t offset, completion done) {
    add([file = std::move(file), offset] { return read_piece(file, offset); }, std::move(done));
}

void file_reader::add(std::function<result()> read, completion done) {
    const std::lock_guard lock{mutex_};
    if (is_stopping_) return;
    if (!pool_) pool_ = std::make_unique<workers::worker_pool>(1, any_number);
    using turn = workers::worker_pool::turn;
    // Only a stopped pool refuses work, and is_stopping_ is set before this one stops.
    static_cast<void>(pool_->submit([read = std::move(read), done = std::move(done)](turn its_turn) {
        if (its_turn != turn::run) return;
        result ended{outcome::failed, {}, {}, {}};
        try {
            ended = read();
        } catch (const std::bad_alloc&) {  // treated as a file that cannot be read
        }
        done(std::move(ended));
    }));
}

void file_reader::stop() {
    std::unique_ptr<workers::worker_pool> ended;
    {
        const std::lock_guard lock{mutex_};
        is_stopping_ = true;
        ended = std::move(pool_);
    }
}

}  // namespace bester::clients
