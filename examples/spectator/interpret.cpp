#include "interpret.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include <nlohmann/json.hpp>

#include "protocol.hpp"

namespace spectator {

namespace {

using nlohmann::json;

constexpr std::size_t most_entries = 100;
constexpr std::size_t longest_line = 1000;

/// One code in all languages; `{name}` is the parameter of that name.
struct phrase {
    std::string_view code, en, de, af;
};

constexpr std::array phrases{
    phrase{"ban_lifted", "{by} let {name} come back", "{by} hat die Sperre von {name} aufgehoben",
           "{by} het {name} se verbod opgehef"},
    phrase{"channel_created", "The channel #{channel} is new", "Der Kanal #{channel} ist neu",
           "Die kanaal #{channel} is nuut"},
    phrase{"channel_removed", "The channel #{channel} is gone", "Der Kanal #{channel} ist weg",
           "Die kanaal #{channel} is weg"},
    phrase{"channel_renamed", "The channel #{before} is now #{after}", "Der Kanal #{before} heißt jetzt #{after}",
           "Die kanaal #{before} heet nou #{after}"},
    phrase{"emoji_added", "The emoji {emoji} is new", "Das Emoji {emoji} ist neu", "Die emoji {emoji} is nuut"},
    phrase{"emoji_removed", "The emoji {emoji} is gone", "Das Emoji {emoji} ist weg", "Die emoji {emoji} is weg"},
    phrase{"member_banned", "{by} banned {name}: {reason}", "{by} hat {name} gesperrt: {reason}",
           "{by} het {name} verban: {reason}"},
    phrase{"member_joined", "{name} joined", "{name} ist beigetreten", "{name} het aangesluit"},
    phrase{"member_left", "{name} left", "{name} ist gegangen", "{name} het vertrek"},
    phrase{"member_renamed", "{before} is now called {after}", "{before} heißt jetzt {after}",
           "{before} heet nou {after}"},
    phrase{"message_deleted", "{name} deleted a message in #{channel}",
           "{name} hat eine Nachricht in #{channel} gelöscht", "{name} het ’n boodskap in #{channel} uitgevee"},
    phrase{"message_edited", "{name} edited a message in #{channel}",
           "{name} hat eine Nachricht in #{channel} geändert", "{name} het ’n boodskap in #{channel} gewysig"},
    phrase{"message_pinned", "{name} pinned a message in #{channel}",
           "{name} hat eine Nachricht in #{channel} angeheftet", "{name} het ’n boodskap in #{channel} vasgespeld"},
    phrase{"permissions_changed", "{by} changed what {role} may do", "{by} hat geändert, was {role} darf",
           "{by} het verander wat {role} mag doen"},
    phrase{"role_created", "The role {role} is new", "Die Rolle {role} ist neu", "Die rol {role} is nuut"},
    phrase{"role_given", "{name} is now {role}", "{name} ist jetzt {role}", "{name} is nou {role}"},
    phrase{"role_renamed", "The role {before} is now {after}", "Die Rolle {before} heißt jetzt {after}",
           "Die rol {before} heet nou {after}"},
    phrase{"setting_changed", "{by} changed the setting “{setting}”", "{by} hat die Einstellung „{setting}“ geändert",
           "{by} het die instelling “{setting}” verander"},
    phrase{"topic_changed", "#{channel} is now about “{topic}”", "In #{channel} geht es jetzt um „{topic}“",
           "#{channel} gaan nou oor “{topic}”"},
    phrase{"voice_joined", "{name} is listening in #{channel}", "{name} hört in #{channel} zu",
           "{name} luister in #{channel}"},
    phrase{"voice_left", "{name} stopped listening in #{channel}", "{name} hört in #{channel} nicht mehr zu",
           "{name} luister nie meer in #{channel} nie"},
};

bool is_code(std::string_view text) {
    return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return std::islower(c) || std::isdigit(c) || c == '_';
    });
}

/// A parameter's value: bare up to the next space, or in quotes, with \" and \\ in them.
bool read_value(std::string_view& rest, std::string& value) {
    if (!rest.starts_with('"')) {
        const auto end = std::min(rest.find(' '), rest.size());
        value = rest.substr(0, end);
        rest.remove_prefix(end);
        return !value.empty();
    }
    for (std::size_t at = 1; at < rest.size(); ++at) {
        if (rest[at] == '"') return rest.remove_prefix(at + 1), true;
        if (rest[at] == '\\' && at + 1 < rest.size()) ++at;
        value += rest[at];
    }
    return false;
}

json text_of_entry(const json& entry, const std::string& language) {
    if (!entry.is_object()) throw mistake{"bad_request", "an entry is an object with `code` and `parameters`"};
    line_parameters parameters;
    const json given = entry.value("parameters", json::object());
    if (given.is_object())
        for (const auto& [name, value] : given.items())
            parameters.emplace(name, value.is_string() ? value.get<std::string>() : value.dump());
    const json code = entry.value("code", json{});
    const std::string text = code.is_string() ? sentence(code.get_ref<const std::string&>(), parameters, language) : "";
    return text.empty() ? json{} : json(text);
}

}  // namespace

std::string language_of(std::string_view wish) {
    const std::string_view primary = wish.substr(0, wish.find('-'));
    return std::string{primary == "de" || primary == "af" ? primary : "en"};
}

std::string sentence(std::string_view code, const line_parameters& parameters, std::string_view language) {
    const auto found =
        std::find_if(phrases.begin(), phrases.end(), [&](const phrase& each) { return each.code == code; });
    if (found == phrases.end()) return {};
    std::string_view rest = language == "de" ? found->de : language == "af" ? found->af : found->en;
    std::string text;
    for (auto open = rest.find('{'); open != rest.npos; open = rest.find('{')) {
        const auto close = rest.find('}', open);
        const auto value = parameters.find(std::string{rest.substr(open + 1, close - open - 1)});
        text.append(rest.substr(0, open)).append(value == parameters.end() ? "…" : value->second);
        rest.remove_prefix(close + 1);
    }
    return text.append(rest);
}

bool read_line(std::string_view line, std::string& code, line_parameters& parameters) {
    const auto skip_spaces = [&line] { line.remove_prefix(std::min(line.find_first_not_of(' '), line.size())); };
    skip_spaces();
    const auto end = std::min(line.find(' '), line.size());
    code = line.substr(0, end);
    if (!is_code(code)) return false;
    line.remove_prefix(end);
    for (skip_spaces(); !line.empty(); skip_spaces()) {
        const auto equals = line.find('=');
        if (equals == line.npos || !is_code(line.substr(0, equals))) return false;
        std::string& value = parameters[std::string{line.substr(0, equals)}];
        value.clear();
        line.remove_prefix(equals + 1);
        if (!read_value(line, value)) return false;
    }
    return true;
}

json interpret(const json& data) {
    const json wish = data.value("language", json{});
    const std::string language = language_of(wish.is_string() ? wish.get_ref<const std::string&>() : std::string{});
    if (const auto entries = data.find("entries"); entries != data.end()) {
        if (!entries->is_array() || entries->size() > most_entries)
            throw mistake{"bad_request", "`entries` must be an array of at most 100"};
        json texts = json::array();
        for (const json& entry : *entries) texts.push_back(text_of_entry(entry, language));
        return {{"language", language}, {"texts", texts}};
    }
    std::string code;
    line_parameters parameters;
    if (!read_line(text_of(data, "line", longest_line), code, parameters))
        throw mistake{"bad_request",
                      "a log line is a code and parameters: member_renamed before=Ann after=\"Ann Lee\""};
    const std::string text = sentence(code, parameters, language);
    if (text.empty()) throw mistake{"unknown_code", "no log has the code " + code};
    return {{"language", language}, {"code", code}, {"parameters", parameters}, {"text", text}};
}

}  // namespace spectator
