#include <catch2/catch.hpp>

#include <cstdint>
#include <cstdlib>
#include <new>

#include "running_handler.hpp"

namespace {

thread_local std::uint64_t allocations = 0;

void* allocate(std::size_t size) {
    ++allocations;
    if (void* const memory = std::malloc(size)) return memory;
    throw std::bad_alloc{};
}

}  // namespace

// Replaced for the whole program: each thread counts its own.
void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
// All forms that any library uses: what one allocates another may free.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return ++allocations, std::malloc(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return ++allocations, std::malloc(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

using namespace sdk_test;

TEST_CASE("memory: raw messages take none, once the buffers have their size", "[sdk]") {
    running_handler it;
    it.handler.on_message("count", [](const bester::message&) { return bester::reply(allocations); });
    it.handler.on_message([](const bester::message& m) {
        return bester::answer{bester::reply(m.raw()), bester::send_clients(m.user(), m.raw()).type("copy")};
    });
    it.start();
    unsigned id = 0;
    const auto answer_some = [&](unsigned count) {
        std::string batch;
        for (unsigned i = 0; i < count; ++i) batch += it.broker.frame_of(it.message(++id, "t", {{"text", "Hallo"}}));
        it.broker.send_bytes(0, batch);
        for (unsigned i = 0; i < count; ++i) it.receive();
    };
    const auto count = [&] {
        it.send_message(0, ++id, "count");
        return it.receive().at("commands").at(0).at("data").get<std::uint64_t>();
    };
    for (int round = 0; round < 10; ++round) answer_some(100);
    const auto base = count();
    const auto of_counting = count() - base;
    const auto before = count();
    for (int round = 0; round < 10; ++round) answer_some(100);
    CHECK(count() - before == of_counting);
}
