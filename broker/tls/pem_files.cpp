#include "tls/pem_files.hpp"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>

#include "files/write_all.hpp"

namespace bester::tls {
namespace {

// Far above any chain, so that a device or a log given by mistake is not read to its end.
constexpr std::size_t largest_file = 1 << 20;

class descriptor {
public:
    explicit descriptor(int fd) : fd_(fd) {}
    ~descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    int get() const noexcept { return fd_; }

private:
    int fd_;
};

tl::unexpected<error> file_failure(error_code code, const std::string& path, std::string_view what) {
    return tl::unexpected(error{code, path + ": " + std::string(what)});
}

struct text_file {
    std::string text;
    mode_t mode = 0;
};

result<text_file> read_text(const std::string& path) {
    // Non-blocking, so that opening a named pipe does not wait.
    const descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.get() < 0)
        return file_failure(errno == ENOENT ? error_code::file_missing : error_code::file_unreadable, path,
                            std::strerror(errno));
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) return file_failure(error_code::file_unreadable, path, std::strerror(errno));
    if (!S_ISREG(status.st_mode)) return file_failure(error_code::file_unreadable, path, "is not a regular file");
    text_file read{{}, status.st_mode};
    char piece[8192];
    while (true) {
        const auto size = ::read(file.get(), piece, sizeof(piece));
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return file_failure(error_code::file_unreadable, path, std::strerror(errno));
        if (size == 0) return read;
        read.text.append(piece, static_cast<std::size_t>(size));
        if (read.text.size() > largest_file)
            return file_failure(error_code::file_unreadable, path, "is larger than 1 MiB");
    }
}

handle<BIO> view_of(const std::string& text) {
    return handle<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// OpenSSL would ask for a passphrase at the terminal, which a broker does not have.
int no_passphrase(char*, int, int, void*) { return 0; }

std::string content_of(BIO& memory) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(&memory, &data);
    return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

struct ownership {
    uid_t user;
    gid_t group;
    mode_t mode;
};

/// A replaced file keeps its owner, and a new one gets the directory's owner; otherwise files that root makes with
/// `bester ca` could not be read by a broker that runs as another user.
ownership ownership_of(const std::string& path, const std::string& directory, file_access access,
                       existing_file existing) {
    const mode_t mode = access == file_access::owner ? S_IRUSR | S_IWUSR : S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH;
    struct stat status {};
    if (existing == existing_file::replaced && ::stat(path.c_str(), &status) == 0) {
        // A key that the group may read stays readable for it; no other permission is kept.
        const mode_t allowed = access == file_access::owner ? S_IRUSR | S_IWUSR | S_IRGRP : mode;
        return {status.st_uid, status.st_gid, status.st_mode & allowed};
    }
    if (::stat(directory.c_str(), &status) == 0) return {status.st_uid, status.st_gid, mode};
    return {::geteuid(), ::getegid(), mode};
}

bool set_ownership(int fd, const ownership& owned) {
    if (::geteuid() == 0 && ::fchown(fd, owned.user, owned.group) != 0) return false;
    return ::fchmod(fd, owned.mode) == 0;
}

/// Moves a finished file to its place; errno is set on failure.
bool put_into_place(const std::string& from, const std::string& to, existing_file existing) {
    if (existing == existing_file::replaced) return ::rename(from.c_str(), to.c_str()) == 0;
    // A link, unlike a rename, never takes the place of another file.
    if (::link(from.c_str(), to.c_str()) != 0) return false;
    ::unlink(from.c_str());
    return true;
}

}  // namespace

result<std::vector<handle<X509>>> read_certificates(const std::string& path) {
    const auto file = read_text(path);
    if (!file) return tl::unexpected(file.error());
    const auto source = view_of(file->text);
    std::vector<handle<X509>> certificates;
    ERR_clear_error();
    while (X509* certificate = PEM_read_bio_X509(source.get(), nullptr, no_passphrase, nullptr))
        certificates.emplace_back(certificate);
    // The end of the file is an error of this kind, too.
    const auto last = ERR_peek_last_error();
    const bool is_end = ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
    if (!is_end)
        return file_failure(error_code::not_a_certificate, path,
                            "holds a damaged certificate: " + take_crypto_reason());
    ERR_clear_error();
    if (certificates.empty())
        return file_failure(error_code::not_a_certificate, path, "holds no certificate in PEM form");
    return certificates;
}

result<handle<EVP_PKEY>> read_key(const std::string& path) {
    auto file = read_text(path);
    if (!file) return tl::unexpected(file.error());
    if ((file->mode & (S_IRWXO | S_IWGRP)) != 0)
        return file_failure(
            error_code::key_exposed, path,
            "others than its owner may use this private key; chmod 600 it, and make a new one if they may have");
    const auto source = view_of(file->text);
    ERR_clear_error();
    handle<EVP_PKEY> key(PEM_read_bio_PrivateKey(source.get(), nullptr, no_passphrase, nullptr));
    const bool has_passphrase = file->text.find("ENCRYPTED") != std::string::npos;
    OPENSSL_cleanse(file->text.data(), file->text.size());
    if (!key) {
        ERR_clear_error();
        return file_failure(error_code::not_a_key, path,
                            has_passphrase
                                ? "the key has a passphrase, which nobody could type; `openssl pkey` removes it"
                                : "holds no private key in PEM form");
    }
    return key;
}

std::string to_pem(const X509& certificate) {
    const handle<BIO> memory(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(memory.get(), const_cast<X509*>(&certificate));
    return content_of(*memory);
}

std::string to_pem(const EVP_PKEY& key) {
    const handle<BIO> memory(BIO_new(BIO_s_mem()));
    PEM_write_bio_PKCS8PrivateKey(memory.get(), const_cast<EVP_PKEY*>(&key), nullptr, nullptr, 0, nullptr, nullptr);
    return content_of(*memory);
}

result<void> write_file(const std::string& path, std::string_view content, file_access access, existing_file existing) {
    auto name = path + ".XXXXXX";
    const descriptor file(::mkostemp(name.data(), O_CLOEXEC));
    const auto give_up = [&]() -> result<void> {
        const int reason = errno;
        if (file.get() >= 0) ::unlink(name.c_str());
        if (reason == EEXIST)
            return file_failure(error_code::file_exists, path, "exists already; it is not overwritten");
        return file_failure(error_code::file_not_written, path,
                            std::string("cannot be written: ") + std::strerror(reason));
    };
    if (file.get() < 0) return give_up();
    const auto parent_path = std::filesystem::path(path).parent_path().string();
    const std::string directory = parent_path.empty() ? "." : parent_path;
    if (!set_ownership(file.get(), ownership_of(path, directory, access, existing)) ||
        !files::write_all(file.get(), content) || ::fsync(file.get()) != 0)
        return give_up();
    if (!put_into_place(name, path, existing)) return give_up();
    const descriptor parent(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (parent.get() >= 0) ::fsync(parent.get());
    return {};
}

result<void> make_directory(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) == 0) return {};
    const int reason = errno;
    struct stat status {};
    if (reason == EEXIST && ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return {};
    return file_failure(error_code::file_not_written, path, std::string("cannot be made: ") + std::strerror(reason));
}

}  // namespace bester::tls
