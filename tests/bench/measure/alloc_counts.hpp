#pragma once

#include <cstdint>

namespace bester::bench {

/// The layout of the file through which bench_alloc_counter publishes its counters. The counting
/// process maps it and adds to it; others read the file.
struct shared_alloc_counts {
    std::uint64_t allocations = 0;  ///< malloc, calloc, realloc, aligned_alloc, and so operator new
    std::uint64_t releases = 0;     ///< free of something
    std::uint64_t bytes = 0;        ///< asked for by the allocations
};

}  // namespace bester::bench
