#include "clients/http/file_reader.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <new>
#include <string>
#include <thread>

using namespace bester;
using namespace bester::clients;
using outcome = file_reader::outcome;

namespace {

constexpr std::size_t piece = file_reader::piece_size;

/// A folder with files, and a reader that is waited for.
struct fixture {
    fixture() {
        std::string name = (std::filesystem::temp_directory_path() / "bester-files-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()));
        folder = name;
    }
    ~fixture() { std::filesystem::remove_all(folder); }

    void write(const std::string& name, const std::string& content) const {
        std::ofstream{folder / name, std::ios::binary} << content;
    }
    file_reader::result open(const std::string& name, std::size_t limit = 1 << 20, bool is_wanted = true) {
        std::promise<file_reader::result> promise;
        reader.open({folder.string(), name, limit, [is_wanted](const web::file_version&) { return is_wanted; }},
                    [&](file_reader::result result) { promise.set_value(std::move(result)); });
        return promise.get_future().get();
    }
    file_reader::result read_on(const file_reader::result& before, std::uint64_t offset) {
        std::promise<file_reader::result> promise;
        reader.read_on(before.rest, offset, [&](file_reader::result result) { promise.set_value(std::move(result)); });
        return promise.get_future().get();
    }
    /// Until the clock of the file system has gone on.
    void wait_for_another_time(const std::string& name) const {
        const auto before = std::filesystem::last_write_time(folder / name);
        do {
            write("clock", "x");
            std::this_thread::yield();
        } while (std::filesystem::last_write_time(folder / "clock") <= before);
    }

    std::filesystem::path folder;
    file_reader reader;
};

std::string content_of(std::size_t size) {
    std::string content(size, '\0');
    for (std::size_t i = 0; i < size; ++i) content[i] = static_cast<char>('a' + i % 23);
    return content;
}

}  // namespace

TEST_CASE_METHOD(fixture, "file reader: a file comes in pieces", "[clients]") {
    const std::size_t size = GENERATE(std::size_t{0}, std::size_t{1}, piece - 1, piece, piece + 1, 3 * piece + 17);
    CAPTURE(size);
    const std::string content = content_of(size);
    write("file", content);
    file_reader::result result = open("file");
    CHECK(result.version.size == size);
    std::string found;
    for (;;) {
        REQUIRE(result.what == outcome::read);
        CHECK(result.piece.size() <= piece);
        if (result.piece.size() > 0) found += result.piece.view();
        if (!result.rest) break;
        REQUIRE(result.piece.size() == piece);
        result = read_on(result, found.size());
    }
    CHECK(found == content);
}

TEST_CASE_METHOD(fixture, "file reader: content that is not wanted is not read", "[clients]") {
    write("file", content_of(3 * piece));
    const file_reader::result result = open("file", 1 << 20, false);
    CHECK(result.what == outcome::read);
    CHECK(result.version.size == 3 * piece);
    CHECK(result.piece.size() == 0);
    CHECK_FALSE(result.rest);
}

TEST_CASE_METHOD(fixture, "file reader: what is no file of the folder, or too large, is said so", "[clients]") {
    std::filesystem::create_directory(folder / "below");
    std::filesystem::create_symlink("/etc/passwd", folder / "link");
    write("large", content_of(1'001));
    CHECK(open("below").what == outcome::is_folder);
    CHECK(open("link").what == outcome::not_found);
    CHECK(open("../x").what == outcome::not_found);
    CHECK(open("nothing").what == outcome::not_found);
    CHECK(open("large", 1'000).what == outcome::too_large);
    CHECK(open("large", 1'001).what == outcome::read);
}

TEST_CASE_METHOD(fixture, "file reader: a file that changes between two pieces", "[clients]") {
    const std::string content = content_of(3 * piece);
    write("file", content);
    wait_for_another_time("file");
    const file_reader::result first = open("file");
    REQUIRE(first.rest);

    SECTION("has failed if it is shorter") {
        std::filesystem::resize_file(folder / "file", piece + 1);
        CHECK(read_on(first, piece).what == outcome::failed);
    }
    SECTION("has failed if it was written anew") {
        write("file", std::string(3 * piece, '!'));
        CHECK(read_on(first, piece).what == outcome::failed);
    }
    SECTION("goes on if it has grown") {
        std::ofstream{folder / "file", std::ios::binary | std::ios::app} << "more";
        const file_reader::result next = read_on(first, piece);
        REQUIRE(next.what == outcome::read);
        CHECK(next.piece.view() == content.substr(piece, piece));
    }
    SECTION("goes on as it was if another took its name") {
        write("other", std::string(3 * piece, '!'));
        std::filesystem::rename(folder / "other", folder / "file");
        const file_reader::result next = read_on(first, 2 * piece);
        REQUIRE(next.what == outcome::read);
        CHECK(next.piece.view() == content.substr(2 * piece));
        CHECK_FALSE(next.rest);
    }
}

TEST_CASE("file reader: so many files are on their way at once, and no more", "[clients]") {
    file_reader reader;
    auto first = reader.take_place(2);
    {
        auto second = reader.take_place(2);
        REQUIRE((first && second));
        CHECK_FALSE(reader.take_place(2));
        CHECK(reader.take_place(3));
    }
    auto moved = std::move(first);
    CHECK(reader.take_place(2));
    moved.reset();
    CHECK(reader.take_place(1));
    CHECK_FALSE(reader.take_place(0));
}

TEST_CASE_METHOD(fixture, "file reader: an exception while a file is read is told as a failure", "[files]") {
    write("a", "content");
    std::promise<file_reader::result> promise;
    reader.open({folder.string(), "a", 1 << 20, [](const web::file_version&) -> bool { throw std::bad_alloc{}; }},
                [&](file_reader::result result) { promise.set_value(std::move(result)); });
    CHECK(promise.get_future().get().what == outcome::failed);
    CHECK(open("a").what == outcome::read);
}
