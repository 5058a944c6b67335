// The guilds and what happens in them. Its handler entry says `"groups": "spectator"`: the groups that
// it sends to are those which the gateway puts sessions into.
#include <bester/handler.hpp>

#include "feed.hpp"

int main(int argc, char** argv) {
    bester::handler self{"feed"};
    const spectator::feed serve{self};
    return self.run(argc, argv);
}
