#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace bester::storage {

class database;
struct account_changes;

/// Reads the `changes` table that every writer of an account database leaves its traces in, and
/// tells those of others from our own. One per open file; used under its owner's mutex.
/// Where a function fails, it answers nothing and database::last_error() says why.
class account_journal {
public:
    /// Whatever is in the journal now is old.
    bool start(database& file);
    static std::optional<std::int64_t> data_version(database& file);

    /// The number of the newest entry; entries are numbered without gaps.
    static std::optional<std::int64_t> last_change(database& file);
    /// To be told after each own write transaction, with last_change() at its begin and its end.
    void wrote(std::int64_t before, std::int64_t after);

    /// What others added since the last call.
    std::optional<account_changes> changes_by_others(database& file);

private:
    std::int64_t data_version_ = 0;
    std::int64_t position_ = 0;      // everything up to here was told or is ours
    std::vector<std::int64_t> own_;  // ours behind the position, ascending
};

}  // namespace bester::storage
