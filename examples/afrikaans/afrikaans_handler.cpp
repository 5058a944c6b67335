// Directed chat: Tina writes to Gustav. Only this program knows that a letter has a recipient; the
// broker hands over what it is told to hand over, to whom it is told.
#include <string>
#include <string_view>

#include <bester/handler.hpp>

namespace {

struct letter {
    std::string to;
    std::string text;
};

void from_json(const nlohmann::json& from, letter& read) {
    from.at("to").get_to(read.to);
    from.at("text").get_to(read.text);
}

/// Can somebody be called so? What the broker takes for a user's name, on this server or another;
/// above all not "*", which is everybody.
bool is_name(std::string_view text) {
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+@";
    return !text.empty() && text.size() <= 129 && text.find_first_not_of(allowed) == std::string_view::npos;
}

letter read_letter(const bester::message& m) {
    try {
        return m.get<letter>();
    } catch (const bester::refusal&) {
        throw bester::refusal{"bad_letter", R"(a letter is {"to":"somebody","text":"…"})"};
    }
}

bester::answer deliver(const bester::message& m) {
    const letter it = read_letter(m);
    if (!is_name(it.to)) return bester::refuse("no_such_recipient", "nobody can be called \"" + it.to + "\"");
    // If Gustav is not there, the status that Tina gets says so: "delivered": 0.
    return bester::send_clients(it.to, {{"from", m.user()}, {"text", it.text}});
}

}  // namespace

int main(int argc, char** argv) {
    bester::handler afrikaans{"afrikaans"};
    afrikaans.on_message(deliver);
    return afrikaans.run(argc, argv);
}
