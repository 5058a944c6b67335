#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "exchange/payload.hpp"
#include "web/static_files.hpp"

namespace bester::clients {

/// Reads files that are served over HTTP, on a thread of its own: a slow disk stops no shard.
class file_reader {
public:
    enum class outcome { read, is_folder, not_found, too_large, busy, failed };
    struct result {
        outcome what = outcome::not_found;
        web::file_version version;
        exchange::payload content;
    };
    using completion = std::function<void(result)>;

    file_reader() = default;
    ~file_reader();
    file_reader(const file_reader&) = delete;
    file_reader& operator=(const file_reader&) = delete;

    /// Reads a whole file of at most `limit` bytes below `root`; links that lead out of it are not
    /// followed. Any thread; `done` is called on the reader's, or here with `busy` if too many wait.
    void read(std::string root, std::string path, std::size_t limit, completion done);
    /// Calls nothing any more.
    void stop();

private:
    static constexpr std::size_t most_waiting = 1'000;

    struct job {
        std::string root;
        std::string path;
        std::size_t limit;
        completion done;
    };
    void run();

    std::mutex mutex_;
    std::condition_variable has_work_;
    std::deque<job> jobs_;
    std::thread thread_;  ///< made for the first file
    bool is_stopping_ = false;
};

}  // namespace bester::clients
