#include "files/takes_output.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace bester::files {

bool takes_output(const std::string& path) noexcept {
    struct stat facts {};
    if (::stat(path.c_str(), &facts) != 0) return true;
    if (S_ISSOCK(facts.st_mode)) return false;
    if (!S_ISFIFO(facts.st_mode)) return true;
    // Without waiting: fails if nobody reads.
    const int fd = ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return false;
    ::close(fd);
    return true;
}

}  // namespace bester::files
