#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "exchange/payload.hpp"
#include "web/static_files.hpp"
#include "workers/worker_pool.hpp"

namespace bester::clients {

/// Reads files that are served over HTTP, piece by piece on a thread of its own: a slow disk blocks no shard, and for a
/// slow client the broker holds one piece of its file. Any thread may call it.
class file_reader {
public:
    static constexpr std::size_t piece_size = std::size_t{64} << 10;

    enum class outcome {
        read,
        is_folder,
        not_found,
        too_large,
        busy,    ///< the system has no descriptor or no memory for it now
        failed,  ///< it cannot be read, or has changed since it was opened
    };

    /// An open file, which its last owner closes.
    class source {
    public:
        source(int fd, const web::file_version& version) noexcept : fd_{fd}, version_{version} {}
        ~source();
        source(const source&) = delete;
        source& operator=(const source&) = delete;
        int fd() const noexcept { return fd_; }
        /// The version of the file when it was opened.
        const web::file_version& version() const noexcept { return version_; }

    private:
        int fd_;
        web::file_version version_;
    };

    /// The right to send one file to a client, returned by the destructor. Must be destroyed before the reader.
    class place {
    public:
        explicit place(std::atomic<std::size_t>& taken) noexcept : taken_{&taken} {}
        place(place&& other) noexcept : taken_{std::exchange(other.taken_, nullptr)} {}
        place& operator=(place&& other) noexcept {
            std::swap(taken_, other.taken_);
            return *this;
        }
        ~place() {
            if (taken_) taken_->fetch_sub(1, std::memory_order_relaxed);
        }

    private:
        std::atomic<std::size_t>* taken_;
    };

    struct request {
        std::string root;
        std::string path;       ///< below the root; links that lead out of it are not followed
        std::size_t limit = 0;  ///< a larger file is not read
        std::function<bool(const web::file_version&)> wants_content = {};  ///< called on the reader's thread
    };
    struct result {
        outcome what = outcome::not_found;
        web::file_version version;
        exchange::payload piece;             ///< the bytes from the offset of the call
        std::shared_ptr<const source> rest;  ///< for reading on; null: `piece` is the last one, or nothing is wanted
    };
    using completion = std::function<void(result)>;

    file_reader() = default;
    ~file_reader();
    file_reader(const file_reader&) = delete;
    file_reader& operator=(const file_reader&) = delete;

    /// Returns a place, or none if `most` are taken.
    std::optional<place> take_place(std::size_t most) noexcept;
    /// Opens a file and reads its first piece if that is wanted. `done` is called on the reader's thread.
    void open(request wanted, completion done);
    /// Reads the piece that begins at `offset`.
    void read_on(std::shared_ptr<const source> file, std::uint64_t offset, completion done);
    /// Makes no more calls from now on.
    void stop();

private:
    void add(std::function<result()> read, completion done);

    std::atomic<std::size_t> places_taken_{0};
    std::mutex mutex_;
    std::unique_ptr<workers::worker_pool> pool_;  ///< one thread; made for the first file
    bool is_stopping_ = false;
};

}  // namespace bester::clients
