#pragma once

#include <ostream>
#include <string>
#include <string_view>

#include "config/difference.hpp"
#include "config/load.hpp"

namespace bester::config {

std::ostream& operator<<(std::ostream& out, const finding& found);
std::ostream& operator<<(std::ostream& out, const change& one);

/// A machine on which the tests do not depend: named "home", 3 cores, 1,000 descriptors, root.
surroundings test_machine();

/// parse() on that machine, as file "test.jsonc" in /tmp.
load_result parse_text(std::string_view text);

/// parse_text() of what must be free of mistakes.
broker_config parse_good(std::string_view text);

/// The config without its digest, which is of what the file says, and so not of its defaults.
broker_config without_digest(broker_config config);

/// The config with one handler, `h`, of these keys; then what the check said, without file name.
std::string handler_report(std::string_view keys);
std::string listener_report(std::string_view keys);

/// A folder of its own, removed with what is in it at the end.
class temporary_folder {
public:
    temporary_folder();
    ~temporary_folder();
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;

    const std::string& path() const { return path_; }
    std::string write(const std::string& name, std::string_view text, unsigned mode = 0644) const;

private:
    std::string path_;
};

}  // namespace bester::config
