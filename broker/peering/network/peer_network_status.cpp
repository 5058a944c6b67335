// peer_network: the documents of `bester peers` and status.
#include <future>

#include "json/make.hpp"
#include "peering/network/peer_network_parts.hpp"

namespace bester::peering {

namespace {

using json::json_value;
using json::make_object;
using json::set;

std::int64_t since_1970_ms(std::chrono::system_clock::time_point when) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(when.time_since_epoch()).count();
}

json_value describe(const std::optional<tls::certificate_info>& certificate) {
    if (!certificate) return {};
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    return make_object({{"names", certificate->names},
                        {"not_after", tls::format_time(certificate->not_after)},
                        {"days_left", tls::days_left(*certificate, now)},
                        {"sha256", certificate->sha256}});
}

json_value describe(const std::optional<peer_error>& error) {
    if (!error) return {};
    return make_object({{"code", error->code}, {"reason", error->reason}, {"time", since_1970_ms(error->when)}});
}

void add_load(json_value& one, const flow_load& load) {
    set(one, "queued_messages", load.queued_messages);
    set(one, "queued_bytes", load.queued_bytes);
    set(one, "sent", load.sent.sent);
    set(one, "resent", load.sent.resent);
    set(one, "received", load.received);
    set(one, "duplicates", load.duplicates);
    set(one, "refused", load.refused);
    set(one, "failed", load.sent.expired + load.sent.unreachable + load.sent.lost);
}

}  // namespace

json_value peer_network::parts::status() const {
    std::map<std::string, flow_load> loads;
    for (std::size_t i = 0; i < shards_.size(); ++i) {
        const auto promise = std::make_shared<std::promise<std::vector<flow_load>>>();
        auto answer = promise->get_future();
        shards_[i]->post(
            [there = shard_peers_[i].get(), promise](exchange::shard&) { promise->set_value(there->load()); });
        if (answer.wait_for(std::chrono::seconds{2}) != std::future_status::ready) continue;
        for (flow_load& load : answer.get()) loads.insert_or_assign(load.server, load);
    }
    json_value peers = json::make_array();
    const auto routed = routes_.table();
    const auto add = [&](const std::string& name, const peer_record* peer) {
        const route* const way = settings_.routing ? routed->find(name) : nullptr;
        json_value one = make_object({{"name", name},
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
                                      {"via", json::make_array()}});
        const auto load = loads.find(name);
        add_load(one, load == loads.end() ? flow_load{} : load->second);
        const char* state = way ? "routed" : "unreachable";
        if (way) set(one, "via", way->via);
        if (peer) {
            if (peer->link) state = "linked";
            else if (peer->is_drained) state = "drained";
            else if (way) state = "routed";
            else if (peer->is_dialling) state = "dialling";
            else if (peer->is_waiting) state = "waiting";
            else state = "idle";
            if (!peer->entry.addresses.empty()) set(one, "address", peer->entry.addresses.front());
            set(one, "transport", peer->entry.transport == link_transport::tls ? "tls" : "plain");
            set(one, "since", since_1970_ms(peer->since));
            set(one, "attempts", peer->attempts);
            set(one, "last_error", describe(peer->last_error));
            if (peer->is_waiting) {
                const auto left = peer->timer.expiry() - clock::now();
                set(one, "next_attempt_ms",
                    std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::milliseconds>(left).count()));
            }
            if (peer->link) {
                set(one, "address", peer->link->address);
                set(one, "transport", peer->link->certificate ? "tls" : "plain");
                set(one, "dialled", peer->link->is_dialled_by_us);
                if (const std::uint64_t took = peer->link->gauge->round_trip_us) set(one, "round_trip_us", took);
                set(one, "bytes_in", peer->link->gauge->bytes_in.load());
                set(one, "bytes_out", peer->link->gauge->bytes_out.load());
                set(one, "certificate", describe(peer->link->certificate));
            }
        }
        set(one, "state", state);
        append(peers, std::move(one));
    };
    for (const auto& [name, peer] : peers_) add(name, peer.get());
    for (const auto& [name, server] : known_.servers())
        if (name != around_.server_name && !peers_.contains(name) && has_adverts()) add(name, nullptr);
    return make_object(
        {{"listen", bound_addresses()},
         {"certificate", describe(context_ ? context_->certificate() : std::optional<tls::certificate_info>{})},
         {"peers", std::move(peers)}});
}

}  // namespace bester::peering
