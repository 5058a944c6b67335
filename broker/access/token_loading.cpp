// token_verifier: reading keys and checking settings.
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <memory>
#include <system_error>

#include "access/token_verifier.hpp"

namespace bester::access {

namespace {

constexpr std::size_t largest_key_file = 1 << 20;
constexpr std::chrono::seconds most_skew{600};

struct file_content {
    std::string text;
    bool is_open_to_others = false;

    file_content() = default;
    file_content(file_content&&) = default;
    ~file_content() { sodium_memzero(text.data(), text.size()); }
};

tl::expected<file_content, std::string> read_file(const std::string& path) {
    const auto failed = [] { return tl::unexpected(std::error_code(errno, std::generic_category()).message()); };
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return failed();
    const auto closer = [](const int* open) { ::close(*open); };
    const std::unique_ptr<const int, decltype(closer)> closed{&fd, closer};
    struct stat facts {};
    if (::fstat(fd, &facts) != 0) return failed();
    if (!S_ISREG(facts.st_mode)) return tl::unexpected(std::string{"this is no file"});
    if (static_cast<std::size_t>(facts.st_size) > largest_key_file)
        return tl::unexpected(std::string{"a file of keys is not larger than 1 MiB"});
    file_content content;
    content.is_open_to_others = (facts.st_mode & (S_IRWXO | S_IWGRP)) != 0;
    content.text.resize(static_cast<std::size_t>(facts.st_size));
    std::size_t size = 0;
    while (size < content.text.size()) {
        const ssize_t got = ::read(fd, content.text.data() + size, content.text.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed();
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    content.text.resize(size);
    return content;
}

}  // namespace

std::vector<std::string> mistakes_in(const token_settings& settings) {
    std::vector<std::string> mistakes;
    if (settings.key_file.empty() == settings.jwks_file.empty())
        mistakes.push_back("give one of `key_file` and `jwks_file`");
    if (settings.algorithms.empty()) mistakes.push_back("no algorithm is allowed");
    if (settings.clock_skew.count() < 0 || settings.clock_skew > most_skew)
        mistakes.push_back("the clock skew is not between 0 and 10 minutes");
    if (settings.longest_lifetime.count() < 0) mistakes.push_back("the longest lifetime is less than nothing");
    if (settings.user_claim.empty()) mistakes.push_back("the claim with the user's name has no name");
    auto passed = settings.passed_claims;
    std::sort(passed.begin(), passed.end());
    if (std::adjacent_find(passed.begin(), passed.end()) != passed.end())
        mistakes.push_back("a claim to pass on is named twice");
    if (std::any_of(passed.begin(), passed.end(), [](const auto& name) { return name.empty(); }))
        mistakes.push_back("a claim to pass on has no name");
    return mistakes;
}

token_verifier::loaded<std::shared_ptr<const token_verifier>> token_verifier::make(const token_settings& settings,
                                                                                   std::string_view key_text) {
    std::vector<std::string> mistakes = mistakes_in(settings);
    auto keys = settings.jwks_file.empty() ? token_keys::from_key_text(key_text, settings.algorithms)
                                           : token_keys::from_jwks(key_text, settings.algorithms);
    if (!keys) {
        const std::string& path = settings.jwks_file.empty() ? settings.key_file : settings.jwks_file;
        for (const std::string& words : keys.error()) mistakes.push_back(path + ": " + words);
    }
    if (!mistakes.empty()) return tl::unexpected(std::move(mistakes));
    return std::shared_ptr<const token_verifier>{new token_verifier{settings, *std::move(keys)}};
}

token_verifier::loaded<std::shared_ptr<const token_verifier>> token_verifier::load(const token_settings& settings) {
    const std::string& path = settings.jwks_file.empty() ? settings.key_file : settings.jwks_file;
    if (path.empty()) return tl::unexpected(mistakes_in(settings));
    const auto content = read_file(path);
    if (!content) {
        std::vector<std::string> mistakes = mistakes_in(settings);
        mistakes.push_back(path + ": " + content.error());
        return tl::unexpected(std::move(mistakes));
    }
    auto made = make(settings, content->text);
    if (!made || !content->is_open_to_others) return made;
    // Others that can read or change a secret could log in as any user. Public keys need not be secret.
    for (const verification_key& key : (*made)->keys_.list())
        if (key.algorithm() == token_algorithm::hs256)
            return tl::unexpected(std::vector{path + ": others may read or change this secret; chmod 600 it"});
    return made;
}

}  // namespace bester::access
