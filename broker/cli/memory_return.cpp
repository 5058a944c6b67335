#include "cli/memory_return.hpp"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <utility>

#include "log/log.hpp"

namespace bester::cli {

namespace {

constexpr std::chrono::seconds interval{5};
constexpr std::size_t worth_it = std::size_t{8} << 20;

std::size_t resident_bytes() {
    std::size_t all = 0;
    std::size_t resident = 0;
    std::ifstream{"/proc/self/statm"} >> all >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

/// Resident bytes that are not allocated.
std::size_t unused_bytes() {
    const auto told = ::mallinfo2();
    const std::size_t allocated = told.uordblks + told.hblkhd;
    return resident_bytes() - std::min(resident_bytes(), allocated);
}

}  // namespace

memory_return::memory_return(asio::io_context& on, std::function<void()> give_up_spare)
    : timer_{on}, give_up_spare_{std::move(give_up_spare)} {
    unused_ = unused_bytes();
    wait();
}

void memory_return::wait() {
    timer_.expires_after(interval);
    timer_.async_wait([this](std::error_code cancelled) {
        if (cancelled) return;
        wait();  // first, so that nothing keeps it from going on
        look();
    });
}

void memory_return::look() {
    const std::size_t before = unused_bytes();
    if (!has_asked_) {
        if (before < unused_ + worth_it) return;
        give_up_spare_();
        has_asked_ = true;
        return;
    }
    has_asked_ = false;
    ::malloc_trim(0);
    unused_ = unused_bytes();
    if (unused_ < before) log::debug("gave {} MiB of freed memory back to the system", (before - unused_) >> 20);
}

}  // namespace bester::cli
