#include "storage/password_hash.hpp"

#include <sodium.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <catch2/catch.hpp>
#include <string>

namespace bester::storage {

namespace {

constexpr argon2_cost cheap{1, 8 << 10};

/// Checks a password in a process that gets no more memory.
[[maybe_unused]] hash_check check_without_memory(const std::string& hash, const std::string& password) {
    const pid_t child = ::fork();
    if (child == 0) {
        const rlimit none{0, 0};
        ::setrlimit(RLIMIT_AS, &none);
        ::_exit(static_cast<int>(check_password(hash, password)));
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    REQUIRE(WIFEXITED(status));
    return static_cast<hash_check>(WEXITSTATUS(status));
}

}  // namespace

TEST_CASE("password hash: the right password matches, and no other one", "[storage]") {
    const auto hash = hash_password("geheim", cheap);
    REQUIRE(hash);
    CHECK(hash->starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
    CHECK(check_password(*hash, "geheim") == hash_check::match);
    for (const std::string wrong : {"", "geheim ", "Geheim"})
        CHECK(check_password(*hash, wrong) == hash_check::mismatch);
    CHECK_FALSE(needs_rehash(*hash, cheap));
    CHECK(needs_rehash(*hash, {2, 8 << 10}));
    CHECK(check_password(dummy_hash(cheap), "geheim") == hash_check::mismatch);
    // libsodium reads what it is compared with here.
    CHECK(crypto_pwhash_str_verify(hash->c_str(), "geheim", 6) == 0);
}

// A sanitizer ends a process that has no memory for itself.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("password hash: without the memory for it no password is called wrong", "[storage]") {
    const auto hash = hash_password("geheim", {1, 64 << 20});
    REQUIRE(hash);
    CHECK(check_without_memory(*hash, "geheim") == hash_check::unusable);
    CHECK(check_without_memory(*hash, "falsch") == hash_check::unusable);
    CHECK(check_password(*hash, "geheim") == hash_check::match);
}
#endif

TEST_CASE("password hash: what is no hash of ours is not used", "[storage]") {
    const std::string good = *hash_password("geheim", cheap);
    const std::string salt_and_hash = good.substr(good.rfind('$', good.rfind('$') - 1));
    for (const std::string& bad :
         {std::string{}, std::string{"$argon2id$"}, good.substr(0, good.size() - 1), good + 'A',
          "$argon2i" + good.substr(9), "$argon2id$v=19$m=8,t=1,p=2" + salt_and_hash,
          "$argon2id$v=19$m=,t=1,p=1" + salt_and_hash, "$argon2id$v=19$m=99999999999,t=1,p=1" + salt_and_hash,
          "$argon2id$v=16$m=8,t=1,p=1" + salt_and_hash, "$argon2id$v=19$m=0,t=0,p=1" + salt_and_hash,
          good.substr(0, good.rfind('$'))}) {
        CAPTURE(bad);
        CHECK(check_password(bad, "geheim") == hash_check::unusable);
    }
}

}  // namespace bester::storage
