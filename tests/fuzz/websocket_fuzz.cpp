// What a client sends gives the same messages wherever it is cut, also when messages are not taken at
// first; and what is given keeps the promises of RFC 6455. The first byte chooses the settings.
#include <algorithm>
#include <string>
#include <vector>

#include "fuzz_input.hpp"
#include "web/utf8.hpp"
#include "web/websocket_decoder.hpp"

namespace {

using namespace bester::web;

struct outcome {
    std::vector<std::string> found;

    void add(const websocket_found& each) {
        found.push_back(std::to_string(static_cast<int>(each.status)) + (each.is_binary ? 'b' : 't') +
                        std::to_string(static_cast<int>(each.code)) + ':' + std::string{each.body});
    }
};

void check(const websocket_found& found, const websocket_settings& settings) {
    const auto code = static_cast<unsigned>(found.code);
    switch (found.status) {
        case websocket_status::message:
            require(found.body.size() <= settings.message_limit &&
                    (found.is_binary ? settings.allows_binary : is_utf8(found.body)));
            break;
        case websocket_status::ping:
        case websocket_status::pong: require(found.body.size() <= max_control_size); break;
        case websocket_status::close:
            require(found.body.size() <= max_control_size - 2 && is_utf8(found.body));
            require(found.code == close_code::no_status || may_be_sent(found.code));
            break;
        case websocket_status::failed:
            require(!found.body.empty() && (code == 1002 || code == 1003 || code == 1007 || code == 1009));
            break;
        case websocket_status::need_more: break;
    }
}

template <class NextSize>
outcome decode(std::string_view text, const websocket_settings& settings, bool is_given_again, NextSize&& next_size) {
    static websocket_pool pool;
    outcome result;
    {
        websocket_decoder decoder{pool, settings};
        while (!text.empty()) {
            const std::size_t size = std::clamp<std::size_t>(next_size(), 1, text.size());
            const std::vector<char> piece{text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size)};
            std::string_view rest{piece.data(), piece.size()};
            while (!rest.empty()) {
                websocket_found found = decoder.decode(rest);
                require(found.consumed <= rest.size());
                rest.remove_prefix(found.consumed);
                check(found, settings);
                if (found.status == websocket_status::need_more) {
                    require(rest.empty());
                    break;
                }
                if (is_given_again && found.status == websocket_status::message) {
                    const std::string before{found.body};
                    decoder.give_again();
                    found = decoder.decode(rest);
                    require(found.consumed == 0 && found.status == websocket_status::message && found.body == before);
                }
                result.add(found);
                if (found.status == websocket_status::failed) break;
            }
            if (!result.found.empty() && result.found.back().front() == '5') break;
            text.remove_prefix(size);
        }
    }
    require(pool.held() == 0);
    return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view input = as_text(data, size);
    if (input.empty()) return 0;
    const auto first = static_cast<unsigned char>(input[0]);
    const websocket_settings settings{first & 0x80 ? std::size_t{100} : std::size_t{3'000}, (first & 0x40) != 0,
                                      (first & 0x20) != 0};
    const std::string_view text = input.substr(1);
    const outcome whole = decode(text, settings, false, [&] { return text.size(); });
    require(decode(text, settings, true, [] { return std::size_t{1}; }).found == whole.found);
    std::size_t at = 0;
    const auto chosen = [&] { return static_cast<unsigned char>(input[at++ % input.size()]) % std::size_t{17}; };
    require(decode(text, settings, (first & 1) != 0, chosen).found == whole.found);
    return 0;
}
