#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "access/address_key.hpp"

namespace bester::access {

/// How many connections there are from each address. As large as there are connections, no larger.
/// Any thread may call anything: connections are taken on one thread and end on others.
class address_counts {
public:
    /// Counts a connection, unless `most` are counted already (0: any number). Addresses that are
    /// none are neither counted nor refused. Each that was counted must leave once.
    bool enter(const address_key& address, std::size_t most);
    void leave(const address_key& address) noexcept;

    std::size_t count(const address_key& address) const;
    /// Addresses that have a connection.
    std::size_t addresses() const;

private:
    struct key_hash {
        std::size_t operator()(const address_key& key) const noexcept;
    };
    mutable std::mutex mutex_;
    std::unordered_map<address_key, std::uint32_t, key_hash> counts_;
};

/// A counted connection, which leaves with the object. `counts` must outlive it.
class address_place {
public:
    address_place() = default;
    /// Takes over what enter() counted.
    address_place(address_counts& counts, const address_key& address) noexcept : counts_(&counts), address_(address) {}
    address_place(address_place&& other) noexcept : counts_(other.counts_), address_(other.address_) {
        other.counts_ = nullptr;
    }
    address_place& operator=(address_place&& other) noexcept;
    ~address_place();

private:
    address_counts* counts_ = nullptr;
    address_key address_;
};

}  // namespace bester::access
