#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace bester::storage {

class database;
struct account_changes;

/// Reads the `changes` table of an account database, which lists every write, and distinguishes writes of other
/// processes from own ones. One for each open file; used under its owner's mutex. A function that fails returns
/// nothing, and database::last_error() has the reason.
class account_journal {
public:
    /// Treats all present entries as known.
    bool start(database& file);
    static std::optional<std::int64_t> data_version(database& file);

    /// Returns the number of the newest entry; entries are numbered without gaps.
    static std::optional<std::int64_t> last_change(database& file);
    /// Must be called after each own write transaction, with last_change() at its beginning and end.
    void wrote(std::int64_t before, std::int64_t after);

    /// Returns the entries that others have added since the last call.
    std::optional<account_changes> changes_by_others(database& file);

private:
    std::int64_t data_version_ = 0;
    std::int64_t position_ = 0;      // all entries up to here were returned or are own ones
    std::vector<std::int64_t> own_;  // own entries after the position, ascending
};

}  // namespace bester::storage
