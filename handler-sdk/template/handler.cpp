// A handler: gets messages of clients, answers with commands. Everything that is yours stands in
// `greet`; proto-docs/handler.md and bester/handler.hpp say what else there is.
#include <string>

#include <bester/handler.hpp>

namespace {

struct request {
    std::string name;
};

void from_json(const nlohmann::json& from, request& read) { from.at("name").get_to(read.name); }

bester::answer greet(const bester::message& m) {
    const auto wish = m.get<request>();  // data that does not fit is refused with "bad_data"
    if (wish.name.empty()) return bester::refuse("no_name", "whom shall I greet?");
    return bester::reply({{"greeting", "Hello " + wish.name}});
}

}  // namespace

int main(int argc, char** argv) {
    bester::handler handler{"my-handler"};
    handler.on_message(greet);
    return handler.run(argc, argv);
}
