#include "cli/new_password.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>

#include <unistd.h>

#include "cli/terminal.hpp"
#include "storage/password_hash.hpp"

namespace bester::cli {
namespace {

constexpr char end_of_text = 3;   // Ctrl-C
constexpr char end_of_input = 4;  // Ctrl-D
constexpr char erase_line = 21;   // Ctrl-U
constexpr char backspace = 8;
constexpr char erase = 127;

/// Takes a line's memory over into a secret.
storage::secret take(std::string& line) {
    storage::secret result(line);
    storage::wipe_memory(line.data(), line.size());
    line.clear();
    return result;
}

void erase_last_character(std::string& line) {
    while (!line.empty() && (static_cast<unsigned char>(line.back()) & 0xc0) == 0x80) line.pop_back();
    if (!line.empty()) line.pop_back();
}

/// Nothing if the user gave up.
std::optional<storage::secret> ask(const std::string& question) {
    std::cerr << question << std::flush;
    // Ctrl-C must not end us before the terminal is as it was, so it is read as a key.
    const key_mode silent(STDIN_FILENO);
    std::string line;
    line.reserve(storage::max_password_size + 2);  // so that growing leaves no copy behind
    bool is_complete = false;
    for (;;) {
        char key = 0;
        const auto got = ::read(STDIN_FILENO, &key, 1);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0 || key == end_of_text || (key == end_of_input && line.empty())) break;
        if (key == '\n' || key == '\r') {
            is_complete = true;
            break;
        }
        if (key == backspace || key == erase) {
            erase_last_character(line);
        } else if (key == erase_line) {
            line.clear();
        } else if (line.size() <= storage::max_password_size) {
            line += key;
        }
    }
    std::cerr << "\n";
    auto result = take(line);
    if (!is_complete) return std::nullopt;
    return result;
}

std::optional<storage::secret> ask_twice(const std::string& user) {
    auto first = ask("New password for " + printable(user) + ": ");
    auto second = first ? ask("Once more: ") : std::nullopt;
    if (!second) {
        std::cerr << "bester: given up, nothing was changed\n";
        return std::nullopt;
    }
    if (first->view() != second->view()) {
        std::cerr << "bester: the two are not the same, nothing was changed\n";
        return std::nullopt;
    }
    return first;
}

std::optional<storage::secret> read_line(std::istream& input, const std::string& name) {
    std::string line;
    if (!std::getline(input, line)) {
        std::cerr << "bester: no password in " << name << ": its first line should be one\n";
        return std::nullopt;
    }
    return take(line);
}

}  // namespace

std::optional<storage::secret> read_new_password(const std::string& user, const std::string& file) {
    if (!file.empty()) {
        std::ifstream input(file);
        if (!input) {
            std::cerr << "bester: the password file " << file << " cannot be read: " << std::strerror(errno) << "\n";
            return std::nullopt;
        }
        return read_line(input, "the password file " + file);
    }
    if (::isatty(STDIN_FILENO) == 1) return ask_twice(user);
    return read_line(std::cin, "standard input");
}

}  // namespace bester::cli
