// Makes tokens for the panel, and secrets to sign them with: for trying things out, and for tests. In
// earnest the service that knows the users does it.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "access_token.hpp"

namespace {

/// A new secret, for its owner's eyes; an existing file is left as it is.
void make_key(const std::string& file) {
    std::random_device random;
    std::string text;
    for (int i = 0; i < 16; ++i) {
        char part[9];
        std::snprintf(part, sizeof part, "%08x", static_cast<unsigned>(random()));
        text += part;
    }
    text += '\n';
    const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) throw std::runtime_error{"cannot make " + file + ": is it there already?"};
    const bool is_written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    if (::close(fd) != 0 || !is_written) throw std::runtime_error{"cannot write " + file};
}

/// `g1=view,log` as the claim has it.
void add_guild(nlohmann::json& guilds, const std::string& given) {
    const auto equals = given.find('=');
    if (equals == std::string::npos) throw std::runtime_error{"--guild wants ID=RIGHTS, e.g. g1=view,log"};
    nlohmann::json words = nlohmann::json::array();
    for (std::size_t begin = equals + 1; begin <= given.size();) {
        const auto end = std::min(given.find(',', begin), given.size());
        if (end > begin) words.push_back(given.substr(begin, end - begin));
        begin = end + 1;
    }
    guilds[given.substr(0, equals)] = words;
}

}  // namespace

int main(int argc, char** argv) {
    std::string new_key, key, algorithm = "HS256", user;
    std::vector<std::string> roles, guilds;
    std::int64_t lifetime = 3600;
    CLI::App app{"Makes a token for the spectator panel, or (--make-key) a secret to sign tokens with."};
    app.add_option("--make-key", new_key, "write a new secret for HS256 to this file, and nothing else");
    app.add_option("--key", key, "the secret, or (RS256) the private key in PEM");
    app.add_option("--algorithm", algorithm, "HS256 or RS256")->check(CLI::IsMember({"HS256", "RS256"}));
    app.add_option("--user", user, "whose token it is");
    app.add_option("--role", roles, "e.g. administrator");
    app.add_option("--guild", guilds, "ID=RIGHTS, e.g. g1=view,log; the id * stands for all others");
    app.add_option("--lifetime", lifetime, "seconds until it expires");
    CLI11_PARSE(app, argc, argv);
    try {
        if (!new_key.empty()) return make_key(new_key), 0;
        if (key.empty() || user.empty())
            throw std::runtime_error{"--key and --user say who signs, and for whom (--help)"};
        const auto now =
            std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
        nlohmann::json allowed = nlohmann::json::object();
        for (const auto& given : guilds) add_guild(allowed, given);
        const nlohmann::json claims{{"sub", user},
                                    {"iat", now.count()},
                                    {"exp", now.count() + lifetime},
                                    {"roles", roles},
                                    {"guilds", allowed}};
        std::cout << spectator::make_token(algorithm, key, claims.dump()) << '\n';
        return 0;
    } catch (const std::exception& mistake) {
        std::cerr << "spectator-token: " << mistake.what() << '\n';
        return 1;
    }
}
