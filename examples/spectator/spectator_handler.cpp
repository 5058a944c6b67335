// The realtime gateway of an admin panel. The broker binds it to a WebSocket path: each frame of a
// client comes here as a message, each delivery goes out as a frame. Who may see what is decided here;
// the guilds themselves are another process's, the feed's, which sends its updates past this one.
#include <bester/handler.hpp>

#include "gateway.hpp"

int main(int argc, char** argv) {
    bester::handler self{"spectator"};
    const spectator::gateway serve{self};
    return self.run(argc, argv);
}
