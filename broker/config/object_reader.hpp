#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/value_codec.hpp"
#include "config/wording.hpp"

namespace bester::config {

/// Returns the names that are allowed at one level of a table: `limits`, or, with "limits." before it, `message_size`
/// and so on.
std::vector<std::string_view> names_at(std::span<const std::string_view> keys, std::string_view prefix);

/// Reports if `from` is not an object.
bool expect_object(const json_value& from, std::string_view path, const reading& context);

/// Reports an unknown key, with the most similar known one.
void tell_unknown(const json_member& member, std::string_view path, std::span<const std::string_view> valid,
                  const reading& context);

/// Fills `target` from an object by a table of keys, level by level. `others` are names of the top level that other
/// code reads.
template <class T>
class object_reader {
public:
    object_reader(const std::vector<key<T>>& keys, std::vector<std::string_view> others, const reading& context)
        : keys_{keys}, others_{std::move(others)}, context_{context} {
        for (const auto& known : keys_) {
            names_.push_back(known.facts.name);
        }
    }

    void read(const json_value& from, const std::string& path, T& target) const { read_level(from, path, "", target); }

private:
    void read_level(const json_value& from, const std::string& path, const std::string& prefix, T& target) const {
        if (!expect_object(from, path, context_)) {
            return;
        }
        auto valid = names_at(names_, prefix);
        if (prefix.empty()) {
            valid.insert(valid.end(), others_.begin(), others_.end());
        }
        for (const json_member& member : from.members) {
            const std::string member_path = path_to(path, member.name);
            const auto known = std::find_if(keys_.begin(), keys_.end(), [&](const key<T>& candidate) {
                const std::string_view name = candidate.facts.name;
                return name.starts_with(prefix) && name.substr(prefix.size()) == member.name;
            });
            if (known != keys_.end()) {
                if (auto read = decode(known->facts, member.value, member_path, context_)) {
                    known->set(target, *std::move(read));
                }
            } else if (std::find(valid.begin(), valid.end(), member.name) == valid.end()) {
                tell_unknown(member, member_path, valid, context_);
            } else if (!prefix.empty() || std::find(others_.begin(), others_.end(), member.name) == others_.end()) {
                read_level(member.value, member_path, prefix + member.name + '.', target);
            }
        }
    }

    const std::vector<key<T>>& keys_;
    std::vector<std::string_view> others_;
    const reading& context_;
    std::vector<std::string_view> names_;
};

}  // namespace bester::config
