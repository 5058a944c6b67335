#include "tls_fixture.hpp"

#include <sys/stat.h>
#include <unistd.h>
#include <fstream>
#include <iterator>

#include "tls/pem_files.hpp"

namespace bester::tls {
namespace {

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

std::string content(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

mode_t mode_of(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 0777 : 0;
}

std::size_t count_files(const std::string& path) {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path), {}));
}

}  // namespace

TEST_CASE("pem files: a chain is read in its order, with any text around it", "[tls]") {
    test_authority ca;
    ca.settings("alpha");
    write(ca.file("chain.crt"), "the server's:\n" + content(ca.file("alpha.crt")) + "the authority's:\n" +
                                    content(ca.file("ca.crt")) + "end\n");
    const auto all = must(describe_file(ca.file("chain.crt")));
    REQUIRE(all.size() == 2);
    CHECK(all[0].subject == "alpha");
    CHECK(all[1].is_authority);
}

TEST_CASE("pem files: a certificate cut anywhere is refused, never half taken", "[tls]") {
    test_authority ca;
    ca.settings("alpha");
    const auto whole = content(ca.file("alpha.crt"));
    const auto path = ca.file("cut.crt");
    // Without its last line feed it is still whole.
    for (std::size_t size = 0; size + 1 < whole.size(); ++size) {
        CAPTURE(size);
        write(path, whole.substr(0, size));
        const auto read = read_certificates(path);
        REQUIRE_FALSE(read);
        CHECK(read.error().code == error_code::not_a_certificate);
    }
    write(path, whole + whole.substr(0, whole.size() / 2));
    CHECK_FALSE(read_certificates(path));
}

TEST_CASE("pem files: who may read a private key", "[tls]") {
    test_authority ca;
    const auto key = ca.settings("alpha").key_file;
    CHECK(mode_of(key) == 0600);
    for (const mode_t mode : {0600, 0400, 0640, 0440}) {
        CAPTURE(mode);
        ::chmod(key.c_str(), mode);
        CHECK(read_key(key));
    }
    for (const mode_t mode : {0644, 0604, 0660, 0602, 0601}) {
        CAPTURE(mode);
        ::chmod(key.c_str(), mode);
        const auto read = read_key(key);
        REQUIRE_FALSE(read);
        CHECK(read.error().code == error_code::key_exposed);
    }
}

TEST_CASE("pem files: a key with a passphrase is refused and nobody is asked", "[tls]") {
    temporary_directory directory;
    const auto path = directory.file("locked.key");
    write(path, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIBAA==\n-----END ENCRYPTED PRIVATE KEY-----\n");
    ::chmod(path.c_str(), 0600);
    const auto read = read_key(path);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == error_code::not_a_key);
    CHECK_THAT(read.error().reason, Catch::Contains("passphrase"));
}

TEST_CASE("pem files: a device or a large file is not read to its end", "[tls]") {
    temporary_directory directory;
    write(directory.file("large"), std::string(2 << 20, 'x'));
    CHECK(read_certificates(directory.file("large")).error().code == error_code::file_unreadable);
    CHECK(read_certificates("/dev/zero").error().code == error_code::file_unreadable);
}

TEST_CASE("pem files: a file is written whole, with its mode, and overwritten only if asked", "[tls]") {
    temporary_directory directory;
    const auto path = directory.file("a");
    const auto before = ::umask(0077);
    must(write_file(path, "one", file_access::everybody, existing_file::kept));
    ::umask(before);
    CHECK(mode_of(path) == 0644);
    const auto kept = write_file(path, "two", file_access::owner, existing_file::kept);
    REQUIRE_FALSE(kept);
    CHECK(kept.error().code == error_code::file_exists);
    CHECK_THAT(kept.error().reason, Catch::StartsWith(path));
    CHECK(content(path) == "one");
    must(write_file(path, "two", file_access::owner, existing_file::replaced));
    CHECK(content(path) == "two");
    // As before, but never for all.
    CHECK(mode_of(path) == 0640);
    must(write_file(directory.file("key"), "x", file_access::owner, existing_file::kept));
    CHECK(mode_of(directory.file("key")) == 0600);
    CHECK(write_file(directory.file("none/a"), "x", file_access::owner, existing_file::kept).error().code ==
          error_code::file_not_written);
    CHECK(count_files(directory.path()) == 2);
}

TEST_CASE("pem files: what root writes belongs to whom it is for", "[tls]") {
    if (::geteuid() != 0) return;
    temporary_directory directory;
    const auto owner_of = [](const std::string& path) {
        struct stat status {};
        return ::stat(path.c_str(), &status) == 0 ? std::pair(status.st_uid, status.st_gid)
                                                  : std::pair(uid_t(0), gid_t(0));
    };
    REQUIRE(::chown(directory.path().c_str(), 65534, 65533) == 0);
    const auto path = directory.file("a.key");
    must(write_file(path, "x", file_access::owner, existing_file::kept));
    CHECK(owner_of(path) == std::pair(uid_t(65534), gid_t(65533)));
    REQUIRE(::chown(path.c_str(), 0, 65532) == 0);
    must(write_file(path, "y", file_access::owner, existing_file::replaced));
    CHECK(owner_of(path) == std::pair(uid_t(0), gid_t(65532)));
}

TEST_CASE("pem files: a new directory is its owner's alone", "[tls]") {
    temporary_directory directory;
    must(make_directory(directory.file("new")));
    CHECK(mode_of(directory.file("new")) == 0700);
    must(make_directory(directory.file("new")));
    write(directory.file("file"), "");
    CHECK(make_directory(directory.file("file")).error().code == error_code::file_not_written);
    CHECK(make_directory(directory.file("none/new")).error().code == error_code::file_not_written);
}

}  // namespace bester::tls
