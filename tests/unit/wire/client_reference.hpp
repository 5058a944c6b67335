#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "json_reference.hpp"
#include "wire/client_codec.hpp"
#include "wire/names.hpp"

namespace bester::wire::test {

/// Notes whether a field that the broker reads stands twice in its object.
class duplicate_finder : public depth_checker {
public:
    using depth_checker::depth_checker;

    bool has_duplicate = false;

    bool key(string_t& name) override {
        keys_.back() = name;
        const std::string path = path_of_key();
        for (const char* known :
             {"/header", "/payload", "/header/scope", "/header/authentication", "/header/authentication/username",
              "/header/authentication/password", "/header/authentication/token", "/payload/type", "/payload/data",
              "/payload/id", "/payload/key"})
            if (path == known) note(path);
        return true;
    }
    bool start_object(std::size_t size) override {
        keys_.emplace_back();
        return depth_checker::start_object(size);
    }
    bool end_object() override { return keys_.pop_back(), depth_checker::end_object(); }
    // An array's elements, and keys with a slash, are on no path that the broker knows.
    bool start_array(std::size_t size) override {
        keys_.emplace_back(other);
        return depth_checker::start_array(size);
    }
    bool end_array() override { return keys_.pop_back(), depth_checker::end_array(); }

private:
    static constexpr const char* other = "?";

    std::string path_of_key() const {
        std::string path;
        for (const std::string& key : keys_) (path += '/') += key.find('/') == std::string::npos ? key : other;
        return path;
    }
    void note(const std::string& path) {
        for (const std::string& seen : seen_) has_duplicate = has_duplicate || seen == path;
        seen_.push_back(path);
    }

    std::vector<std::string> keys_;
    std::vector<std::string> seen_;
};

/// What decode_client_message should make of a body, computed from nlohmann's tree.
struct expected_message {
    error_code code = error_code::bad_message;
    bool is_well_formed = false;  ///< an object, each known field once, not too deep
    std::string type;
    std::string key;
    bool has_id = false;
    credentials_kind credentials = credentials_kind::none;
    std::string user;
    std::string password;
    std::string scope;
};

inline expected_message reference_decode(std::string_view body, std::size_t max_depth = 64) {
    expected_message expected;
    duplicate_finder finder{max_depth};
    if (!reference_accepts(body, max_depth)) return expected;
    const std::string tamed = tame_numbers(body);
    if (!nlohmann::json::sax_parse(tamed, &finder) || finder.has_duplicate) return expected;
    const auto root = nlohmann::json::parse(tamed);
    if (!root.is_object()) return expected;
    expected.is_well_formed = true;

    const auto text = [](const nlohmann::json& object, const char* key) {
        const auto found = object.find(key);
        return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
    };
    if (root.contains("header") && root["header"].is_object()) {
        const auto& header = root["header"];
        expected.scope = text(header, "scope");
        if (header.contains("authentication")) {
            const auto& who = header["authentication"];
            const auto has_text = [&](const char* key) { return who.contains(key) && who[key].is_string(); };
            expected.credentials = credentials_kind::unknown;
            if (who.is_object()) {
                expected.user = text(who, "username");
                expected.password = text(who, "password");
                if (has_text("username") && has_text("password")) expected.credentials = credentials_kind::password;
                else if (who.contains("token")) expected.credentials = credentials_kind::token;
            }
        }
    }
    if (!root.contains("payload") || !root["payload"].is_object()) return expected;
    const auto& payload = root["payload"];
    const bool is_id_good = !payload.contains("id") || payload["id"].is_null() || payload["id"].is_string();
    expected.has_id = payload.contains("id") && payload["id"].is_string();
    expected.type = text(payload, "type");
    const bool is_key_good =
        !payload.contains("key") || (payload["key"].is_string() && text(payload, "key").size() <= max_key_size);
    expected.key = text(payload, "key");
    if (is_id_good && is_key_good && payload.contains("type") && payload["type"].is_string() && is_type(expected.type))
        expected.code = error_code::none;
    return expected;
}

}  // namespace bester::wire::test
