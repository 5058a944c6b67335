// Server push: clients join and leave a group, which hears a tick at each interval. What the group
// is, who is in it and when there is something to say, is decided here; who of them is connected
// where, is the broker's business.
#include <charconv>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>

#include <bester/handler.hpp>

namespace {

constexpr const char* group = "ticker";

/// "500ms", "1s", "2m".
std::chrono::milliseconds parse_interval(const std::string& text) {
    std::int64_t count = 0;
    const char* const end = text.data() + text.size();
    const auto number = std::from_chars(text.data(), end, count);
    const std::string unit{number.ptr, end};
    const bool is_known = unit == "ms" || unit == "s" || unit == "m";
    if (number.ec != std::errc{} || count <= 0 || count > 1'000'000 || !is_known)
        throw std::invalid_argument{"\"interval\": \"" + text + "\" is none; write for instance \"500ms\" or \"2s\""};
    return std::chrono::milliseconds{unit == "ms" ? count : unit == "s" ? 1'000 * count : 60'000 * count};
}

class ticker {
public:
    int run(int argc, char** argv) {
        handler_.on_welcome([this](const bester::welcome& w) { start(w.config); });
        handler_.on_message([this](const bester::message& m) { return on_wish(m); });
        return handler_.run(argc, argv);
    }

private:
    void start(const nlohmann::json& config) {
        const auto interval = parse_interval(config.is_object() ? config.value("interval", "1s") : "1s");
        handler_.cancel(timer_);  // welcomed again, after the connection was lost
        timer_ = handler_.every(interval, [this] {
            // A tick that cannot be sent is missed, like one that nobody hears.
            (void)handler_.push(bester::send_group(group, {{"tick", ++tick_}}).type("ticker"));
        });
    }

    static bester::answer on_wish(const bester::message& m) {
        const auto data = m.data();
        const std::string wish = data.is_object() ? data.value("do", "") : "";
        if (wish == "join") return bester::join(group);
        if (wish == "leave") return bester::leave(group);
        return bester::refuse("bad_wish", R"(say {"do":"join"} or {"do":"leave"})");
    }

    bester::handler handler_{"ticker"};
    bester::timer_id timer_{};
    std::uint64_t tick_ = 0;
};

}  // namespace

int main(int argc, char** argv) { return ticker{}.run(argc, argv); }
