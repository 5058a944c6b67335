// Only read by the compiler (discarded_results.cmake): it warns of each line that says so, and of no other.
#include <bester/client.hpp>
#include <bester/handler.hpp>

void discard(bester::handler& handler, bester::client& client, bester::commands list, const nlohmann::json& data) {
    bester::refuse("a_code", "a reason");                          // a warning
    bester::refuse("a_code", "a reason", bester::temporary);       // a warning
    bester::reply(data);                                           // a warning
    bester::join("group");                                         // a warning
    bester::send_group("group", data).type("type");                // a warning
    handler.push(bester::send_group("group", data).type("type"));  // a warning
    handler.push(std::move(list));                                 // a warning
    client.send("type", data);                                     // a warning
    client.send("type", data, std::chrono::seconds{1});            // a warning
    client.send_raw("type", "1");                                  // a warning
    client.send_raw("type", "1", std::chrono::seconds{1});         // a warning
    client.post("type", data);                                     // a warning
    client.post_raw("type", "1");                                  // a warning
    client.submit("type", data);                                   // a warning
    client.submit_raw("type", "1");                                // a warning

    (void)handler.push(bester::join("group", "session"));
    auto made = bester::send_group("group", data);
    made.type("type").except("session");
    if (client.send("type", data)) handler.on_message([](const bester::message& m) { return bester::reply(m.raw()); });
}
