// Sends each message back to the session that it came from, byte for byte: the smallest handler,
// and the one that the benchmarks use.
#include <bester/handler.hpp>

int main(int argc, char** argv) {
    bester::handler echo{"echo"};
    echo.on_message([](const bester::message& m) { return bester::reply(m.raw()); });
    return echo.run(argc, argv);
}
