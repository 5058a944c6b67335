// Letters between the users of several servers. Each server runs this program; what a handler on one
// must know of the others is their names in the addresses, nothing more.
#include <string>
#include <string_view>
#include <utility>

#include <bester/handler.hpp>

namespace {

struct letter {
    std::string to;  // "gustav", or "gustav@beta"
    std::string text;
};

void from_json(const nlohmann::json& from, letter& read) {
    from.at("to").get_to(read.to);
    from.at("text").get_to(read.text);
}

/// Can somebody be called so? Above all not "*", nor "*@beta", which is everybody.
bool is_address(std::string_view text) {
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+@";
    return !text.empty() && text.size() <= 129 && text.find_first_not_of(allowed) == std::string_view::npos;
}

class chat {
public:
    explicit chat(bester::handler& self) : self_{self} {
        self.on_welcome([this](const bester::welcome& w) { own_name_ = w.server; });
        self.on_message([this](const bester::message& m, bester::responder answer) { take(m, std::move(answer)); });
    }

private:
    void take(const bester::message& m, bester::responder answer) {
        const auto data = m.data();
        if (const auto who = data.is_object() ? data.find("who") : data.end(); who != data.end() && who->is_string())
            return tell_who_is_there(m, who->get<std::string>(), std::move(answer));
        answer.answer(deliver(m));
    }

    /// The whole address of the sender, so that an answer finds its way from wherever the letter goes.
    static bester::answer deliver(const bester::message& m) {
        const auto it = m.get<letter>();
        if (!is_address(it.to)) return bester::refuse("no_such_recipient", "nobody can be called \"" + it.to + "\"");
        const auto from = std::string{m.user()} + "@" + std::string{m.server()};
        return bester::send_clients(it.to, {{"from", from}, {"text", it.text}});
    }

    /// The handler over there is asked, which gets the same message and replies to its sender.
    void tell_who_is_there(const bester::message& m, const std::string& server, bester::responder answer) {
        if (server != own_name_) return answer.answer(bester::send_servers(server, m.raw()));
        self_.list_clients([server, answer = std::move(answer)](const auto& found) mutable {
            if (!found) return answer.answer(bester::refuse("not_known", "the broker did not say"));
            auto users = nlohmann::json::array();
            for (const auto& each : *found) users.push_back(each.user);
            answer.answer(bester::reply({{"server", server}, {"users", users}}));
        });
    }

    bester::handler& self_;
    std::string own_name_;
};

}  // namespace

int main(int argc, char** argv) {
    bester::handler self{"chat"};
    const chat serve{self};
    return self.run(argc, argv);
}
