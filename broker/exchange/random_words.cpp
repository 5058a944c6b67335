#include "exchange/random_words.hpp"

#include <sys/random.h>

#include <cerrno>
#include <system_error>

namespace bester::exchange {

std::uint32_t random_words::operator()() {
    if (left_ == 0) {
        ssize_t size = 0;
        do size = ::getrandom(words_.data(), sizeof words_, 0);
        while (size < 0 && errno == EINTR);
        if (size != static_cast<ssize_t>(sizeof words_))
            throw std::system_error{errno, std::generic_category(), "getrandom"};
        left_ = words_.size();
    }
    return words_[--left_];
}

}  // namespace bester::exchange
