#include "cli/peers_text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <limits>

#include <nlohmann/json.hpp>

#include "cli/document_text.hpp"
#include "cli/terminal.hpp"
#include "wire/counted.hpp"

namespace bester::cli {
namespace {

using nlohmann::json;
using table = std::vector<std::vector<std::string>>;
using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr std::int64_t days_to_warn = 30;
constexpr std::int64_t never = std::numeric_limits<std::int64_t>::min();

/// How long ago the time of this member was; "-" without one.
std::string age_of(const json& object, const char* key, system_clock::time_point now) {
    const auto then = number_of(object, key, never);
    const auto since_1970 = std::chrono::duration_cast<milliseconds>(now.time_since_epoch()).count();
    return then < 0 ? "-" : span_text(milliseconds(since_1970 - then));
}

std::string round_trip_of(const json& peer) {
    const auto microseconds = number_of(peer, "round_trip_us", -1);
    if (microseconds < 0) return "-";
    const double ms = static_cast<double>(microseconds) / 1'000;
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), ms < 10 ? "%.2f ms" : ms < 100 ? "%.1f ms" : "%.0f ms", ms);
    return text.data();
}

std::string queue_of(const json& peer) {
    const auto messages = number_of(peer, "queued_messages", -1);
    const auto bytes = number_of(peer, "queued_bytes", -1);
    if (messages < 0) return "-";
    return messages == 0 || bytes < 0 ? std::to_string(messages)
                                      : std::to_string(messages) + ", " + bytes_text(static_cast<std::uint64_t>(bytes));
}

bool is_learned(const json& peer) { return peer.is_object() && peer.value("configured", json()) == json(false); }

std::string state_of(const json& peer) { return text_of(peer, "state") + (is_learned(peer) ? "*" : ""); }

bool is_linked(const json& peer) { return text_of(peer, "state") == "linked"; }

/// Returns the link's address, or the servers that messages go through.
std::string way_of(const json& peer) {
    const auto via = array_of(peer, "via");
    return via.empty() || is_linked(peer) ? text_of(peer, "address") : "via " + joined(via);
}

std::string link_of(const json& peer) {
    const auto dialled = peer.value("dialled", json());
    return text_of(peer, "transport") + (!is_linked(peer) || !dialled.is_boolean() ? ""
                                         : dialled.get<bool>()                     ? " out"
                                                                                   : " in");
}

/// "until 2027-01-31T12:00:00Z (364 days left)"
std::string end_of(const json& certificate) {
    const auto left = number_of(certificate, "days_left", never);
    const auto end = "until " + text_of(certificate, "not_after");
    if (left == never) return end;
    if (left < 0) return "EXPIRED, was good " + end;
    return end + " (" + wire::counted(left, "day") + " left)";
}

bool ends_soon(const json& certificate) { return number_of(certificate, "days_left", days_to_warn) < days_to_warn; }

std::string seconds_text(std::int64_t milliseconds_left) {
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%.1f s", static_cast<double>(milliseconds_left) / 1'000);
    return text.data();
}

/// What an admin has to know beside the row, a line each.
std::vector<std::string> notes_on(const json& peer, system_clock::time_point now) {
    std::vector<std::string> notes;
    if (const auto error = object_of(peer, "last_error"); !error.empty()) {
        notes.push_back((is_linked(peer) ? "before this link, " : "last error ") + age_of(error, "time", now) +
                        " ago: " + text_of(error, "code") + ": " + text_of(error, "reason"));
    }
    const auto attempts = number_of(peer, "attempts", 0);
    const auto next = number_of(peer, "next_attempt_ms", -1);
    if (next >= 0) {
        notes.push_back("dialled " + wire::counted(attempts, "time") + " in vain; again in " + seconds_text(next) +
                        ", or now with `bester peers retry`");
    }
    if (const auto via = array_of(peer, "via"); is_linked(peer) && !via.empty()) {
        notes.push_back("messages go the quicker way via " + joined(via));
    }
    const auto certificate = object_of(peer, "certificate");
    if (ends_soon(certificate)) notes.push_back("its certificate is good " + end_of(certificate));
    const auto refused = number_of(peer, "refused", 0);
    const auto failed = number_of(peer, "failed", 0);
    if (refused > 0 || failed > 0) {
        notes.push_back("messages that did not arrive: " + std::to_string(refused) + " refused, " +
                        std::to_string(failed) + " failed");
    }
    return notes;
}

std::string format_table_with_notes(const table& rows, const std::vector<std::vector<std::string>>& notes) {
    const std::string lines = format_table(rows);
    std::string text;
    std::size_t begin = 0;
    for (const auto& below : notes) {
        const auto end = lines.find('\n', begin) + 1;
        text += lines.substr(begin, end - begin);
        for (const auto& note : below) text += "  " + note + "\n";
        begin = end;
    }
    return text;
}

}  // namespace

std::string format_peers(const json& peering, system_clock::time_point now) {
    std::string head = format_table(describe_peering(peering));
    if (!head.empty()) head += "\n";
    table rows{{"PEER", "STATE", "FOR", "ADDRESS", "LINK", "RTT", "QUEUE", "SENT", "RECEIVED"}};
    std::vector<std::vector<std::string>> notes{{}};
    const auto peers = array_of(peering, "peers");
    for (const auto& peer : peers) {
        if (!peer.is_object()) continue;
        rows.push_back({text_of(peer, "name"), state_of(peer), age_of(peer, "since", now), way_of(peer), link_of(peer),
                        round_trip_of(peer), queue_of(peer), text_of(peer, "sent"), text_of(peer, "received")});
        notes.push_back(notes_on(peer, now));
    }
    if (rows.size() == 1) return head + "no other servers are configured or known\n";
    const bool has_learned = std::any_of(peers.begin(), peers.end(), is_learned);
    return head + format_table_with_notes(rows, notes) +
           (has_learned ? "* without an entry of its own in the config\n" : "");
}

std::vector<std::vector<std::string>> describe_peering(const json& peering) {
    const auto peers = array_of(peering, "peers");
    const auto listen = array_of(peering, "listen");
    const auto certificate = object_of(peering, "certificate");
    if (peers.empty() && listen.empty() && certificate.empty()) return {};
    const auto linked = std::count_if(peers.begin(), peers.end(), is_linked);
    table rows{{"peers", std::to_string(linked) + " of " + std::to_string(peers.size()) + " linked, " +
                             (listen.empty() ? "none can dial this server" : "listening on " + joined(listen))}};
    if (!certificate.empty()) {
        rows.push_back({"certificate", joined(array_of(certificate, "names")) + ", " + end_of(certificate) +
                                           (ends_soon(certificate) ? "; `bester ca renew`" : "")});
    }
    return rows;
}

}  // namespace bester::cli
