#include "failing_allocation.hpp"

#include <cstdlib>

namespace {

thread_local std::size_t left = 0;  // until the call that fails; 0: none does
thread_local std::size_t more = 0;  // calls that fail after that one
thread_local bool has_failed = false;

void* allocate(std::size_t size) noexcept {
    if (left > 0 && --left == 0) {
        has_failed = true;
        if (more > 0) {
            --more;
            left = 1;
        }
        return nullptr;
    }
    return std::malloc(size > 0 ? size : 1);
}

void* checked(void* made) {
    if (!made) throw std::bad_alloc{};
    return made;
}

}  // namespace

namespace bester {

failing_allocation::failing_allocation(std::size_t number, std::size_t count) noexcept {
    ::has_failed = false;
    left = count > 0 ? number : 0;
    more = count > 0 ? count - 1 : 0;
}

failing_allocation::~failing_allocation() { left = more = 0; }

bool failing_allocation::has_failed() const noexcept { return ::has_failed; }

}  // namespace bester

void* operator new(std::size_t size) { return checked(allocate(size)); }
void* operator new[](std::size_t size) { return checked(allocate(size)); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
