// A library for LD_PRELOAD that counts allocations. With BENCH_ALLOC_FILE=PATH in the environment
// it maps PATH.PID and counts there, so the difference over any window can be read from outside
// while the process runs. It forwards to glibc's own entry points, so it needs no dlsym, which
// would allocate before we are ready.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

#include "measure/alloc_counts.hpp"

extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* old, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void __libc_free(void* pointer);
}

namespace {

using bester::bench::shared_alloc_counts;

// Counted here until the file is mapped, and for good if it cannot be.
shared_alloc_counts fallback;
shared_alloc_counts* counts = &fallback;

void add(std::uint64_t& counter, std::uint64_t value) noexcept {
    __atomic_fetch_add(&counter, value, __ATOMIC_RELAXED);
}

void count_allocation(std::size_t size) noexcept {
    add(counts->allocations, 1);
    add(counts->bytes, size);
}

__attribute__((constructor)) void map_counters() {
    const char* prefix = std::getenv("BENCH_ALLOC_FILE");
    if (prefix == nullptr) return;
    char path[512];
    std::snprintf(path, sizeof(path), "%s.%d", prefix, static_cast<int>(::getpid()));
    const int fd = ::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return;
    if (::ftruncate(fd, sizeof(shared_alloc_counts)) == 0) {
        void* place = ::mmap(nullptr, sizeof(shared_alloc_counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (place != MAP_FAILED) counts = static_cast<shared_alloc_counts*>(place);
    }
    ::close(fd);
}

}  // namespace

extern "C" {

void* malloc(std::size_t size) {
    count_allocation(size);
    return __libc_malloc(size);
}

void* calloc(std::size_t count, std::size_t size) {
    count_allocation(count * size);
    return __libc_calloc(count, size);
}

void* realloc(void* old, std::size_t size) {
    count_allocation(size);
    return __libc_realloc(old, size);
}

void* memalign(std::size_t alignment, std::size_t size) {
    count_allocation(size);
    return __libc_memalign(alignment, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) { return memalign(alignment, size); }

int posix_memalign(void** result, std::size_t alignment, std::size_t size) {
    *result = memalign(alignment, size);
    return *result == nullptr ? ENOMEM : 0;
}

void free(void* pointer) {
    if (pointer != nullptr) add(counts->releases, 1);
    __libc_free(pointer);
}
}
