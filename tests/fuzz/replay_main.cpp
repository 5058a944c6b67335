// Runs every file of the given folders through one fuzz target: the seeds as an ordinary test,
// where there is no libFuzzer.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "fuzz_input.hpp"

int main(int count, char** arguments) {
    for (int i = 1; i < count; ++i) {
        std::size_t replayed = 0;
        std::error_code error;
        for (const auto& entry : std::filesystem::directory_iterator{arguments[i], error}) {
            std::ifstream file{entry.path(), std::ios::binary};
            const std::string input{std::istreambuf_iterator<char>{file}, {}};
            std::cout << entry.path().filename().string() << std::endl;  // named before it can crash
            LLVMFuzzerTestOneInput(reinterpret_cast<const unsigned char*>(input.data()), input.size());
            ++replayed;
        }
        std::cout << replayed << " inputs of " << arguments[i] << " replayed\n";
        if (replayed == 0) return 1;  // a folder without seeds tests nothing
    }
    return 0;
}
