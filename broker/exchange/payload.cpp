#include "exchange/payload.hpp"

#include <cstring>
#include <new>

namespace bester::exchange {

std::atomic<std::size_t> payload::shared_{0};

payload payload::of_size(std::size_t size) {
    void* memory = ::operator new(sizeof(block) + size);
    payload made;
    made.block_ = new (memory) block{{1}, static_cast<std::uint32_t>(size), {0}};
    return made;
}

payload payload::copy_of(std::string_view bytes) {
    payload made = of_size(bytes.size());
    std::memcpy(made.data(), bytes.data(), bytes.size());
    return made;
}

void payload::free_block(block* unused) noexcept {
    unused->~block();
    ::operator delete(unused);
}

}  // namespace bester::exchange
