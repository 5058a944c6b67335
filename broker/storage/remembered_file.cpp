#include "storage/remembered_file.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sodium.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <type_traits>

#include "files/write_all.hpp"
#include "storage/secret.hpp"

namespace bester::storage {

namespace {

constexpr std::string_view magic = "bester remembered 1\n";
constexpr std::size_t boot_id_size = 36;
constexpr std::size_t hash_size = crypto_generichash_BYTES;
constexpr std::size_t item_size = 3 * sizeof(std::uint64_t) + sizeof(credential_digest);
constexpr std::size_t head_size =
    magic.size() + boot_id_size + sizeof(credential_keys::digest) + sizeof(credential_keys::tag);
constexpr std::size_t largest_file = std::size_t{256} << 20;

/// A boot of the machine: the steady clock, by which entries expire, is the same for all processes of one.
std::string boot_id() {
    std::ifstream file{"/proc/sys/kernel/random/boot_id"};
    std::string id;
    file >> id;
    id.resize(boot_id_size);
    return id;
}

template <class Value>
void append(std::string& out, const Value& value) {
    static_assert(std::is_trivially_copyable_v<Value>);
    out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

/// Reads values one after the other; the caller has checked the size.
class reader {
public:
    explicit reader(std::string_view text) : rest_{text} {}

    template <class Value>
    Value take() {
        static_assert(std::is_trivially_copyable_v<Value>);
        Value value;
        std::memcpy(&value, rest_.data(), sizeof(value));
        rest_.remove_prefix(sizeof(value));
        return value;
    }
    bool has(std::size_t size) const noexcept { return rest_.size() >= size; }

private:
    std::string_view rest_;
};

std::array<unsigned char, hash_size> hash_of(std::string_view text) {
    std::array<unsigned char, hash_size> hash{};
    crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                       nullptr, 0);
    return hash;
}

/// Text that holds keys: zeroed at the end.
struct wiped_text {
    std::string text;
    wiped_text() = default;
    wiped_text(const wiped_text&) = delete;
    wiped_text& operator=(const wiped_text&) = delete;
    ~wiped_text() { wipe_memory(text.data(), text.size()); }
};

}  // namespace

bool remembered_file::is_in_memory(const std::string& folder) {
    struct statfs facts {};
    std::filesystem::path nearest{folder};
    while (::statfs(nearest.c_str(), &facts) != 0) {
        if (errno != ENOENT || nearest == nearest.parent_path()) return false;
        nearest = nearest.parent_path();
    }
    return facts.f_type == TMPFS_MAGIC || facts.f_type == RAMFS_MAGIC;
}

bool remembered_file::save(const remembered_credentials& what) const {
    wiped_text made;
    std::string& text = made.text;
    text.reserve(head_size + what.items.size() * item_size + hash_size);
    text.append(magic).append(boot_id());
    append(text, what.keys.digest);
    append(text, what.keys.tag);
    for (const auto& item : what.items) {
        append(text, item.tag);
        append(text, item.digest);
        append(text, item.mark);
        append(text, static_cast<std::int64_t>(item.expiry.time_since_epoch().count()));
    }
    append(text, hash_of(text));
    const std::string next = path_ + ".new";
    ::unlink(next.c_str());
    const int fd = ::open(next.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (fd < 0) return false;
    const bool is_written = files::write_all(fd, text);
    ::close(fd);
    if (is_written && ::rename(next.c_str(), path_.c_str()) == 0) return true;
    const int why = errno;
    ::unlink(next.c_str());
    errno = why;
    return false;
}

std::optional<remembered_credentials> remembered_file::load() const {
    const int fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return std::nullopt;
    struct stat facts {};
    const bool is_ours = ::fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_uid == ::geteuid() &&
                         (facts.st_mode & (S_IRWXG | S_IRWXO)) == 0;
    const auto size = static_cast<std::size_t>(facts.st_size);
    wiped_text read;
    if (is_ours && size <= largest_file) {
        read.text.resize(size);
        const ssize_t count = ::read(fd, read.text.data(), size);
        if (count != facts.st_size) read.text.clear();
    }
    ::close(fd);
    const std::string_view all{read.text};
    if (all.size() < head_size + hash_size || (all.size() - head_size - hash_size) % item_size != 0)
        return std::nullopt;
    const std::string_view text = all.substr(0, all.size() - hash_size);
    if (std::memcmp(hash_of(text).data(), all.data() + text.size(), hash_size) != 0) return std::nullopt;
    if (text.substr(0, magic.size()) != magic || text.substr(magic.size(), boot_id_size) != boot_id())
        return std::nullopt;
    reader values{text.substr(magic.size() + boot_id_size)};
    remembered_credentials what;
    what.keys.digest = values.take<decltype(what.keys.digest)>();
    what.keys.tag = values.take<decltype(what.keys.tag)>();
    while (values.has(item_size)) {
        credential_memory::item item;
        item.tag = values.take<std::uint64_t>();
        item.digest = values.take<credential_digest>();
        item.mark = values.take<std::uint64_t>();
        item.expiry =
            credential_memory::time_point{credential_memory::time_point::duration{values.take<std::int64_t>()}};
        what.items.push_back(item);
    }
    return what;
}

void remembered_file::remove() const {
    if (load()) ::unlink(path_.c_str());
    ::unlink((path_ + ".new").c_str());  // of a broker that was killed while it wrote
}

}  // namespace bester::storage
