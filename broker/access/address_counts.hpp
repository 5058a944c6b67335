#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "access/address_key.hpp"

namespace bester::access {

class address_counts;

/// One counted connection, or session, from an address; it is counted until this object is destroyed. The
/// address_counts that it comes from must outlive it. No larger than a pointer, as each connection has one. Any thread,
/// one at a time.
class address_place {
public:
    /// Counts nothing.
    address_place() = default;
    address_place(address_place&& other) noexcept : entry_{std::exchange(other.entry_, nullptr)} {}
    address_place& operator=(address_place&& other) noexcept {
        std::swap(entry_, other.entry_);
        return *this;
    }
    ~address_place();

private:
    friend class address_counts;
    struct count {
        address_counts* counts;
        std::uint32_t connections;
    };
    using entry = std::pair<const address_key, count>;

    explicit address_place(entry& counted) noexcept : entry_{&counted} {}

    entry* entry_ = nullptr;  ///< entry in the map of its address_counts; null: nothing is counted
};

/// Counts connections, or sessions, by the address that they come from. Holds as many addresses as have one. Any
/// thread.
class address_counts {
public:
    address_counts() = default;
    /// Nothing may be counted any more.
    ~address_counts();
    address_counts(const address_counts&) = delete;
    address_counts& operator=(const address_counts&) = delete;

    /// Counts one more connection from `address`, as long as the result exists. Returns nothing if `most` are counted
    /// already (0: any number). An address that is none is not counted, and never refused.
    std::optional<address_place> enter(const address_key& address, std::size_t most);

private:
    friend class address_place;
    struct key_hash {
        std::size_t operator()(const address_key& key) const noexcept;
    };
    void leave(address_place::entry& counted) noexcept;

    std::mutex mutex_;
    std::unordered_map<address_key, address_place::count, key_hash> counts_;  ///< places refer to its nodes
};

}  // namespace bester::access
