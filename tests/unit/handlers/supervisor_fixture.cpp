#include "supervisor_fixture.hpp"

#include "handlers/handshake_messages.hpp"

#include <new>
#include <utility>

#include <asio/post.hpp>
#include <catch2/catch.hpp>

#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>

namespace bester::handlers::testing {

namespace {

std::string name_of(const instance_ref& instance) { return instance.handler + "#" + std::to_string(instance.number); }

}  // namespace

recording_host::~recording_host() {
    for (const auto& [instance, fds] : channels_)
        for (const int fd : fds) ::close(fd);
}

void recording_host::open_channel(channel_offer offer) {
    calls.push_back("open " + name_of(offer.instance) + " " + std::to_string(offer.shard));
    channels_[offer.instance].push_back(offer.fd);
    offers.push_back(std::move(offer));
}

void recording_host::instance_ready(const instance_ref& instance) {
    if (std::exchange(fails_when_ready, false)) throw std::bad_alloc{};
    calls.push_back("ready " + name_of(instance));
    ready.push_back(instance);
}

void recording_host::close_instance(const instance_ref& instance, const std::string& reason) {
    if (std::exchange(fails_to_close, false)) throw std::bad_alloc{};
    calls.push_back("close " + name_of(instance) + ": " + reason);
    for (const int fd : channels_[instance]) ::close(fd);
    channels_.erase(instance);
}

void recording_host::drain_instance(const instance_ref& instance) {
    calls.push_back("drain " + name_of(instance));
    send(instance, R"({"kind":"drain"})");
    if (answers_drains) asio::post(io_, [this, instance] { answers_to->instance_drained(instance); });
}

void recording_host::send(const instance_ref& instance, const std::string& json) {
    const std::string frame = frame_of(json);
    for (const int fd : channels_[instance]) ::send(fd, frame.data(), frame.size(), MSG_NOSIGNAL);
}

supervisor_fixture::supervisor_fixture(unsigned shards)
    : host(io, shards),
      runs(std::make_unique<supervisor>(io, host, supervisor_settings{directory.path(), "home"}, nullptr)) {
    host.answers_to = runs.get();
}

supervisor_fixture::~supervisor_fixture() { UNSCOPED_INFO(log.text()); }

handler_settings supervisor_fixture::entry(const std::string& name, const std::string& mode) const {
    handler_settings settings;
    settings.name = name;
    settings.command = {"/usr/bin/python3", "-S", "-E", TEST_HANDLER};
    settings.environment["TEST_MODE"] = mode;
    settings.types = {name};
    settings.restart.failed_start = std::chrono::milliseconds(0);
    settings.restart.initial_delay = std::chrono::milliseconds(20);
    settings.restart.longest_delay = std::chrono::milliseconds(100);
    settings.stop_grace = std::chrono::milliseconds(10'000);
    return settings;
}

bool supervisor_fixture::stop(std::chrono::milliseconds drain) {
    bool stopped = false;
    runs->stop(supervisor::clock::now() + drain, [&] { stopped = true; });
    return wait([&] { return stopped; });
}

handler_status supervisor_fixture::status_of(const std::string& name) const {
    for (handler_status& each : runs->status())
        if (each.name == name) return each;
    return {};
}

instance_status supervisor_fixture::only(const std::string& name) const {
    const auto all = status_of(name).instances;
    REQUIRE(all.size() == 1);
    return all.front();
}

bool supervisor_fixture::is_ready(const std::string& name) const {
    const auto all = status_of(name).instances;
    return !all.empty() && std::all_of(all.begin(), all.end(),
                                       [](const instance_status& each) { return each.state == instance_state::ready; });
}

bool supervisor_fixture::has_call(const std::string& call) const {
    return std::find(host.calls.begin(), host.calls.end(), call) != host.calls.end();
}

}  // namespace bester::handlers::testing
