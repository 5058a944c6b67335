#include "peering/flows/pending_refs.hpp"

#include <algorithm>
#include <utility>

#include "exchange/undo.hpp"

namespace bester::peering {

namespace {

/// Deadlines of ended messages are kept until there are many more of them than of others.
constexpr std::size_t most_ended = 1'024;

}  // namespace

std::uint64_t pending_refs::add(waiting&& what, time_point deadline) {
    if (deadlines_.size() > 2 * slots_.size() + most_ended) forget_ended();
    // What may fail comes first: what waits has a deadline and is counted, or does not wait.
    if (deadlines_.size() == deadlines_.capacity()) deadlines_.reserve(2 * deadlines_.size() + 1);
    const auto open = open_.try_emplace(what.server, 0).first;
    exchange::undo forget_server{[&] {
        if (open->second == 0) open_.erase(open);
    }};
    const auto added = slots_.add();
    exchange::undo free_place{[&] { slots_.remove(added.number); }};
    if (what.asker) askers_.emplace(what.asker, added.number);
    forget_server.done();
    free_place.done();
    ++open->second;
    added.value = std::move(what);
    deadlines_.push_back({deadline, added.number});
    std::push_heap(deadlines_.begin(), deadlines_.end());
    return added.number;
}

bool pending_refs::take(std::uint64_t ref, waiting& what) {
    waiting* const used = slots_.find(ref);
    if (!used) return false;
    what = std::exchange(*used, {});
    slots_.remove(ref);
    const auto [begin, end] = askers_.equal_range(what.asker);
    if (const auto of = std::find_if(begin, end, [&](const auto& each) { return each.second == ref; }); of != end)
        askers_.erase(of);
    if (const auto open = open_.find(what.server); --open->second == 0) open_.erase(open);
    return true;
}

bool pending_refs::take_of(std::string_view server, std::uint64_t ref, waiting& what) {
    const waiting* const used = slots_.find(ref);
    return used && used->server == server && take(ref, what);
}

bool pending_refs::take_expired(time_point now, waiting& what) {
    while (!deadlines_.empty() && deadlines_.front().when <= now) {
        const std::uint64_t ref = deadlines_.front().ref;
        std::pop_heap(deadlines_.begin(), deadlines_.end());
        deadlines_.pop_back();
        if (take(ref, what)) return true;
    }
    return false;
}

void pending_refs::forget_ended() {
    std::erase_if(deadlines_, [this](const due& each) { return !slots_.find(each.ref); });
    std::make_heap(deadlines_.begin(), deadlines_.end());
}

const pending_refs::waiting* pending_refs::find_asked(std::string_view server, exchange::session_id to,
                                                      std::string_view id_token) const {
    const auto [begin, end] = askers_.equal_range(to);
    for (auto each = begin; each != end; ++each) {
        const waiting* const open = slots_.find(each->second);
        if (open && open->server == server && open->id_token == id_token) return open;
    }
    return nullptr;
}

std::size_t pending_refs::open_at(std::string_view server) const {
    const auto found = open_.find(server);
    return found == open_.end() ? 0 : found->second;
}

}  // namespace bester::peering
