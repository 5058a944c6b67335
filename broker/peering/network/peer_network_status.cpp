// peer_network: the documents of `bester peers` and status.
#include <future>

#include <nlohmann/json.hpp>

#include "peering/network/peer_network_parts.hpp"

namespace bester::peering {

namespace {

using nlohmann::json;

std::int64_t since_1970_ms(std::chrono::system_clock::time_point when) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(when.time_since_epoch()).count();
}

json describe(const std::optional<tls::certificate_info>& certificate) {
    if (!certificate) return nullptr;
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    return {{"names", certificate->names},
            {"not_after", tls::format_time(certificate->not_after)},
            {"days_left", tls::days_left(*certificate, now)},
            {"sha256", certificate->sha256}};
}

json describe(const std::optional<peer_error>& error) {
    if (!error) return nullptr;
    return {{"code", error->code}, {"reason", error->reason}, {"time", since_1970_ms(error->when)}};
}

void add_load(json& one, const flow_load& load) {
    one["queued_messages"] = load.queued_messages;
    one["queued_bytes"] = load.queued_bytes;
    one["sent"] = load.sent.sent;
    one["resent"] = load.sent.resent;
    one["received"] = load.received;
    one["duplicates"] = load.duplicates;
    one["refused"] = load.refused;
    one["failed"] = load.sent.expired + load.sent.unreachable + load.sent.lost;
}

}  // namespace

json peer_network::parts::status() const {
    std::map<std::string, flow_load> loads;
    for (std::size_t i = 0; i < shards_.size(); ++i) {
        const auto promise = std::make_shared<std::promise<std::vector<flow_load>>>();
        auto answer = promise->get_future();
        shards_[i]->post(
            [there = shard_peers_[i].get(), promise](exchange::shard&) { promise->set_value(there->load()); });
        if (answer.wait_for(std::chrono::seconds{2}) != std::future_status::ready) continue;
        for (flow_load& load : answer.get()) loads.insert_or_assign(load.server, load);
    }
    json peers = json::array();
    const auto routed = routes_.table();
    const auto add = [&](const std::string& name, const peer_record* peer) {
        const route* const way = settings_.routing ? routed->find(name) : nullptr;
        json one{{"name", name},
                 {"configured", peer && peer->is_configured},
                 {"address", nullptr},
                 {"transport", nullptr},
                 {"dialled", nullptr},
                 {"since", nullptr},
                 {"round_trip_us", nullptr},
                 {"next_attempt_ms", nullptr},
                 {"attempts", 0},
                 {"last_error", nullptr},
                 {"certificate", nullptr},
                 {"bytes_in", 0},
                 {"bytes_out", 0},
                 {"via", json::array()}};
        const auto load = loads.find(name);
        add_load(one, load == loads.end() ? flow_load{} : load->second);
        const char* state = way ? "routed" : "unreachable";
        if (way) one["via"] = way->via;
        if (peer) {
            if (peer->link) state = "linked";
            else if (peer->is_drained) state = "drained";
            else if (way) state = "routed";
            else if (peer->is_dialling) state = "dialling";
            else if (peer->is_waiting) state = "waiting";
            else state = "idle";
            if (!peer->entry.addresses.empty()) one["address"] = peer->entry.addresses.front();
            one["transport"] = peer->entry.transport == link_transport::tls ? "tls" : "plain";
            one["since"] = since_1970_ms(peer->since);
            one["attempts"] = peer->attempts;
            one["last_error"] = describe(peer->last_error);
            if (peer->is_waiting) {
                const auto left = peer->timer.expiry() - clock::now();
                one["next_attempt_ms"] =
                    std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::milliseconds>(left).count());
            }
            if (peer->link) {
                one["address"] = peer->link->address;
                one["transport"] = peer->link->certificate ? "tls" : "plain";
                one["dialled"] = peer->link->is_dialled_by_us;
                if (const std::uint64_t took = peer->link->gauge->round_trip_us) one["round_trip_us"] = took;
                one["bytes_in"] = peer->link->gauge->bytes_in.load();
                one["bytes_out"] = peer->link->gauge->bytes_out.load();
                one["certificate"] = describe(peer->link->certificate);
            }
        }
        one["state"] = state;
        peers.push_back(std::move(one));
    };
    for (const auto& [name, peer] : peers_) add(name, peer.get());
    for (const auto& [name, server] : known_.servers())
        if (name != around_.server_name && !peers_.contains(name) && has_adverts()) add(name, nullptr);
    return {{"listen", bound_addresses()},
            {"certificate", describe(context_ ? context_->certificate() : std::optional<tls::certificate_info>{})},
            {"peers", std::move(peers)}};
}

}  // namespace bester::peering
