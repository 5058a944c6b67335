#pragma once

#include <optional>
#include <string>
#include <vector>

#include "storage/credential_hasher.hpp"
#include "storage/credential_memory.hpp"

namespace bester::storage {

/// What a broker remembers of verified credentials, kept for the next one on this machine.
struct remembered_credentials {
    credential_keys keys;
    std::vector<credential_memory::item> items;
};

/// A file that keeps it from one broker to the next, but not beyond a boot of the machine. It has the keys, so that
/// whoever reads it can guess passwords quickly: it lies in memory (tmpfs), belongs to the broker's user, and others
/// cannot read it. Blocks: for the control thread.
class remembered_file {
public:
    explicit remembered_file(std::string path) : path_{std::move(path)} {}

    /// Returns whether files in this folder are in memory, and so in no backup, and on no disk but swap; if there is no
    /// such folder yet, the nearest one above it decides.
    static bool is_in_memory(const std::string& folder);

    /// Replaces the file as a whole. Returns false, with the reason in errno, if that is not possible.
    bool save(const remembered_credentials& what) const;
    /// Returns what was saved since the machine was booted. None: there is no such file, or it is not as it was saved,
    /// or others can read it.
    std::optional<remembered_credentials> load() const;
    /// Removes the file, if it is one of these.
    void remove() const;

private:
    std::string path_;
};

}  // namespace bester::storage
