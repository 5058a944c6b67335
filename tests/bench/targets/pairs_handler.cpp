// bester's handler for the pairs workload: what `s00a` sends goes to `r00a`, followed by the first
// argument, if any: `@server`.
#include <bester/handler.hpp>

#include <string>

int main(int argc, char** argv) {
    bester::handler pairs{"pairs"};
    const std::string where = argc > 1 ? argv[1] : "";
    std::string receiver;
    pairs.on_message([&](const bester::message& m) {
        receiver.clear();
        receiver.append(1, 'r').append(m.user().substr(1)).append(where);
        return bester::send_clients(receiver, m.raw());
    });
    return pairs.run();
}
