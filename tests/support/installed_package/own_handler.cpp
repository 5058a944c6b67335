// Both libraries in one program: a handler that is asked whether a broker can be reached as client.
#include <bester/client.hpp>
#include <bester/handler.hpp>

int main(int argc, char** argv) {
    bester::handler handler{"own"};
    handler.on_message([](const bester::message& m) -> bester::answer {
        try {
            bester::client::connect(m.get<std::string>());
        } catch (const bester::connect_error& error) {
            return bester::reply({{"code", error.info().code}});
        }
        return bester::reply("connected");
    });
    return handler.run(argc, argv);
}
