// To be preloaded into a broker: operator new, of which a test lets one call fail, on a shard's thread or on the
// control thread. The test and the broker share the file that BESTER_FAILING_ALLOCATIONS names: four numbers of 64 bits
// each.
//
//   left      the allocation that fails, counted from now; 0: none
//   failures  how many have failed
//   counted   allocations of these threads while `left` was not 0
//   where     0: on shards, 1: on the control thread
//
// All forms of new and delete are here, so that sanitizers, too, see memory that comes from malloc and goes to free.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace {

struct shared_numbers {
    std::atomic<std::int64_t> left;
    std::atomic<std::int64_t> failures;
    std::atomic<std::int64_t> counted;
    std::atomic<std::int64_t> where;
};

shared_numbers none{};
std::atomic<shared_numbers*> numbers{&none};

__attribute__((constructor)) void map_numbers() {
    const char* const path = std::getenv("BESTER_FAILING_ALLOCATIONS");
    const int fd = path ? ::open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void* const mapped = ::mmap(nullptr, sizeof(shared_numbers), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    if (mapped != MAP_FAILED) numbers = static_cast<shared_numbers*>(mapped);
}

bool is_on(std::int64_t where) noexcept {
    if (where == 1) return ::gettid() == ::getpid();
    char name[16]{};
    return ::prctl(PR_GET_NAME, name) == 0 && std::strncmp(name, "shard ", 6) == 0;
}

bool must_fail() noexcept {
    shared_numbers& shared = *numbers.load(std::memory_order_relaxed);
    if (shared.left.load(std::memory_order_relaxed) <= 0 || !is_on(shared.where)) return false;
    shared.counted.fetch_add(1);
    if (shared.left.fetch_sub(1) != 1) return false;
    shared.failures.fetch_add(1);
    return true;
}

void* allocate(std::size_t size) noexcept { return must_fail() ? nullptr : std::malloc(size > 0 ? size : 1); }

void* allocate(std::size_t size, std::align_val_t alignment) noexcept {
    void* made = nullptr;
    if (must_fail() || ::posix_memalign(&made, static_cast<std::size_t>(alignment), size > 0 ? size : 1) != 0)
        return nullptr;
    return made;
}

void* checked(void* made) {
    if (!made) throw std::bad_alloc{};
    return made;
}

}  // namespace

void* operator new(std::size_t size) { return checked(allocate(size)); }
void* operator new[](std::size_t size) { return checked(allocate(size)); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new(std::size_t size, std::align_val_t alignment) { return checked(allocate(size, alignment)); }
void* operator new[](std::size_t size, std::align_val_t alignment) { return checked(allocate(size, alignment)); }
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return allocate(size, alignment);
}
void* operator new[](std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return allocate(size, alignment);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t, const std::nothrow_t&) noexcept { std::free(memory); }
