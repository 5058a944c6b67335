#include <utility>

#include <bester/handler.hpp>

#include "runtime.hpp"

namespace bester {

namespace {

using json = nlohmann::json;
using json_result = query_result<json>;

/// Calls the author's function with what `read` makes of the result's fields.
template <class Value, class Read>
detail::runtime::query_answer as(query_function<Value> function, Read read) {
    return [function = std::move(function), read](json_result result) {
        if (!result) return function(result.failure());
        Value value;
        try {
            value = read(*result);
        } catch (const json::exception& mistake) {
            return function(query_failure{"bad_result", mistake.what()});
        }
        function(std::move(value));
    };
}

/// Asks page after page until there are no more.
struct client_pages {
    std::vector<client_count> clients;
    query_function<std::vector<client_count>> function;

    static void ask(detail::runtime& loop, client_pages pages) {
        json request{{"query", "listClients"}};
        if (!pages.clients.empty()) request["after"] = pages.clients.back().user;
        loop.query(std::move(request), [&loop, pages = std::move(pages)](json_result result) mutable {
            if (!result) return pages.function(result.failure());
            const std::size_t before = pages.clients.size();
            for (const json& client : result->value("clients", json::array()))
                pages.clients.push_back({client.value("user", ""), client.value("sessions", std::uint64_t{0})});
            // An empty page that promises more would be asked for for ever.
            if (result->value("more", false) && pages.clients.size() > before) return ask(loop, std::move(pages));
            pages.function(std::move(pages.clients));
        });
    }
};

}  // namespace

void handler::is_client(std::string_view user, query_function<client_presence> function) {
    loop().query({{"query", "isClient"}, {"user", user}}, as<client_presence>(std::move(function), [](const json& it) {
                     return client_presence{it.value("online", false), it.value("sessions", std::uint64_t{0})};
                 }));
}

void handler::list_clients(query_function<std::vector<client_count>> function) {
    client_pages::ask(loop(), {{}, std::move(function)});
}

void handler::list_group(std::string_view group, query_function<std::vector<client_session>> function) {
    using sessions = std::vector<client_session>;
    loop().query({{"query", "listGroup"}, {"group", group}}, as<sessions>(std::move(function), [](const json& it) {
                     sessions listed;
                     for (const json& session : it.value("sessions", json::array()))
                         listed.push_back({session.value("session", ""), session.value("user", ""), {}});
                     return listed;
                 }));
}

void handler::list_peers(query_function<std::vector<std::string>> function) {
    using names = std::vector<std::string>;
    loop().query({{"query", "listPeers"}},
                 as<names>(std::move(function), [](const json& it) { return it.value("peers", names{}); }));
}

void handler::server_info(query_function<server_information> function) {
    loop().query({{"query", "serverInfo"}}, as<server_information>(std::move(function), [](const json& it) {
                     server_information info;
                     info.server = it.value("server", "");
                     info.version = it.value("version", "");
                     info.uptime = std::chrono::milliseconds{it.value("uptime", std::int64_t{0})};
                     info.sessions = it.value("sessions", std::uint64_t{0});
                     info.shards = it.value("shards", 0U);
                     return info;
                 }));
}

}  // namespace bester
