#include "tls_fixture.hpp"

#include <stdlib.h>
#include <stdexcept>

#include "tls/pem_files.hpp"

namespace bester::tls {

std::ostream& operator<<(std::ostream& out, error_code code) { return out << to_string(code); }

std::ostream& operator<<(std::ostream& out, handshake_status status) {
    return out << (status == handshake_status::done     ? "done"
                   : status == handshake_status::failed ? "failed"
                                                        : "want_more");
}

std::ostream& operator<<(std::ostream& out, read_status status) {
    switch (status) {
        case read_status::data: return out << "data";
        case read_status::want_more: return out << "want_more";
        case read_status::closed: return out << "closed";
        case read_status::failed: return out << "failed";
    }
    return out;
}

temporary_directory::temporary_directory() {
    auto name = (std::filesystem::temp_directory_path() / "bester-tls-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error("mkdtemp failed");
    path_ = name;
}

temporary_directory::~temporary_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::chrono::sys_seconds now() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }
validity some_days() { return valid_for(std::chrono::days(30), now()); }
validity long_ago() { return {now() - std::chrono::days(100), now() - std::chrono::days(50)}; }

test_authority::test_authority(const std::string& name, validity valid)
    : authority_(must(certificate_authority::create(name, valid))) {
    must(authority_.save(path()));
}

context_settings test_authority::settings(const std::string& server, validity valid) {
    const auto certificate = certificate_path(path(), server);
    if (!std::filesystem::exists(certificate))
        must(save_identity(must(authority_.issue(server, valid)), path(), server));
    context_settings settings;
    settings.certificate_file = certificate;
    settings.key_file = key_path(path(), server);
    settings.authority_files = {file("ca.crt")};
    return settings;
}

context_settings test_authority::settings(const std::string& name, const certificate_request& request) {
    const auto ca_key = must(read_key(file("ca.key")));
    identity made;
    made.key = must(make_key());
    made.certificate = must(make_certificate(request, *made.key, {authority_.certificate(), *ca_key}));
    must(save_identity(made, path(), name));
    return settings(name);
}

void deliver(engine& from, engine& to, std::size_t piece) {
    std::string sent;
    from.take_output(sent);
    std::string buffer;
    for (std::size_t at = 0; at < sent.size(); at += piece) {
        buffer = sent.substr(at, piece);
        to.receive(buffer);
        if (!to.is_handshake_done()) to.handshake();
        to.keep_input();
        buffer.assign(buffer.size(), '?');
    }
}

all_read read_all(engine& from, std::size_t buffer) {
    all_read all;
    std::string piece(buffer, '\0');
    while (true) {
        const auto got = from.read(piece);
        if (got.status != read_status::data) {
            all.end = got.status;
            return all;
        }
        all.text.append(piece, 0, got.size);
    }
}

pair connect(std::shared_ptr<const context> dialler, std::shared_ptr<const context> acceptor, std::size_t piece,
             const std::string& server_name) {
    pair both{engine::connect(std::move(dialler), server_name), engine::accept(std::move(acceptor))};
    for (int round = 0; round < 4; ++round) {
        both.dialled = both.dialler.handshake();
        deliver(both.dialler, both.acceptor, piece);
        both.accepted = both.acceptor.handshake();
        deliver(both.acceptor, both.dialler, piece);
    }
    both.dialled = both.dialler.handshake();
    return both;
}

}  // namespace bester::tls
