#include "storage/account_journal.hpp"

#include "storage/account_file.hpp"
#include "storage/accounts.hpp"
#include "storage/database.hpp"

#include <algorithm>
#include <map>

namespace bester::storage {

namespace {

/// Returns the value of a query that always has exactly one row.
std::optional<std::int64_t> single_value(database& file, std::string_view sql) {
    statement query(file, sql);
    if (query.step() != statement::outcome::row) return std::nullopt;
    return query.integer(0);
}

/// One snapshot for several queries.
class read_transaction {
public:
    explicit read_transaction(database& file) : file_(file) { file_.execute("BEGIN"); }
    ~read_transaction() { file_.execute("COMMIT"); }
    read_transaction(const read_transaction&) = delete;
    read_transaction& operator=(const read_transaction&) = delete;

private:
    database& file_;
};

}  // namespace

bool account_journal::start(database& file) {
    // In this order, so that a change in between is searched for in vain once, but not missed.
    const auto version = data_version(file);
    const auto last = last_change(file);
    if (!version || !last) return false;
    data_version_ = *version;
    position_ = *last;
    own_.clear();
    return true;
}

std::optional<std::int64_t> account_journal::data_version(database& file) {
    return single_value(file, "PRAGMA data_version");
}

std::optional<std::int64_t> account_journal::last_change(database& file) {
    return single_value(file, "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'changes'");
}

void account_journal::wrote(std::int64_t before, std::int64_t after) {
    for (auto sequence = before + 1; sequence <= after; ++sequence) own_.push_back(sequence);
}

std::optional<account_changes> account_journal::changes_by_others(database& file) {
    const auto version = data_version(file);
    if (!version) return std::nullopt;
    account_changes result;
    if (*version == data_version_) {
        // No other process wrote, so all entries after the position are own ones.
        if (!own_.empty()) position_ = own_.back();
        own_.clear();
        return result;
    }

    const read_transaction snapshot(file);
    const auto last = last_change(file);
    const auto first = single_value(file, "SELECT coalesce(min(sequence), 0) FROM changes");
    if (!last || !first) return std::nullopt;
    // A journal that ends before the position is another one: a backup was restored in place.
    if (*last < position_ || *first > position_ + 1) {
        result.complete = false;
    } else {
        std::map<std::string, change_kind> users;
        statement query(file, "SELECT sequence, user, kind FROM changes WHERE sequence > ?1 ORDER BY sequence");
        query.bind(1, position_);
        auto step = query.step();
        for (; step == statement::outcome::row; step = query.step()) {
            if (std::binary_search(own_.begin(), own_.end(), query.integer(0))) continue;
            const auto kind = static_cast<change_kind>(query.integer(2));
            auto& known = users.try_emplace(std::string(query.text(1)), kind).first->second;
            known = std::max(known, kind);  // the most serious change counts: removed and added again is removed
        }
        if (step == statement::outcome::failed) return std::nullopt;
        for (auto& [user, kind] : users) {
            auto& group = kind == change_kind::removed   ? result.removed
                          : kind == change_kind::changed ? result.changed
                                                         : result.added;
            group.push_back(user);
        }
    }
    data_version_ = *version;
    position_ = *last;
    own_.clear();
    return result;
}

}  // namespace bester::storage
