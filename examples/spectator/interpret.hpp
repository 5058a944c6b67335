// Log lines as sentences: a code and its parameters in, words in the asked language out. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace spectator {

using line_parameters = std::map<std::string, std::string>;

/// The languages there are: "en", "de", "af". Anything else is read as "en".
std::string language_of(std::string_view wish);

/// The sentence for a code; a parameter that is missing stands as `…`. Empty if nobody knows the code.
std::string sentence(std::string_view code, const line_parameters& parameters, std::string_view language);

/// A log line as it stands in logs, `member_renamed before=Ann after="Ann Lee"`: the code is put into
/// `code`, the rest into `parameters`. False if it is no such line.
bool read_line(std::string_view line, std::string& code, line_parameters& parameters);

/// The answer to a request `interpret`; throws mistake. Its data is either
/// `{"language":"de","line":"…"}`, answered with `{"text":"…"}`, or
/// `{"language":"de","entries":[{"code":"…","parameters":{…}}]}` (at most 100), answered with
/// `{"texts":[…]}`, in which null stands for a code that nobody knows.
nlohmann::json interpret(const nlohmann::json& data);

}  // namespace spectator
