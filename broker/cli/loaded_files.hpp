#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/broker_config.hpp"
#include "config/difference.hpp"

namespace bester::cli {

/// What the files held, of certificates and keys, that a config names, when they were last read: so that a reload can
/// tell which have been renewed. Blocks for the disk: for the control thread.
class loaded_files {
public:
    /// A file that cannot be read now is empty here; whoever uses it has the error.
    explicit loaded_files(const config::broker_config& config);

    /// Returns the files that hold something else in `later`, as changes of the keys that name them. A key that names
    /// another file is not among them: that is a change of the config itself.
    std::vector<config::change> changes_to(const loaded_files& later) const;

private:
    struct file {
        std::string path;
        std::string hash;   ///< of the content
        std::string words;  ///< for people: nothing of a secret
    };
    void add_certificates(std::string key, const std::string& path);
    void add_secret(std::string key, const std::string& path);
    void add(std::string key, const std::string& path, std::string words);

    std::map<std::string, file> files_;  ///< by the path of the config's key
};

}  // namespace bester::cli
