#include "tls/engine.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "tls/refusal.hpp"

namespace bester::tls {

namespace {

// The largest plaintext of one record (RFC 8446, section 5.1).
constexpr std::size_t record_size = 16 * 1024;

}  // namespace

/// At an address of its own, because the BIO and the SSL object point to it.
struct engine::connection_state {
    std::shared_ptr<const context> rules;
    std::string_view input;  ///< received, not yet taken by OpenSSL
    std::string kept_input;  ///< the bytes of `input`, if they are not in the caller's buffer
    std::string plain;       ///< written, not yet encrypted
    std::string output;      ///< encrypted
    std::size_t sent = 0;    ///< of `output`
    std::string refusal;     ///< written by the verification of the peer's certificate
    std::string failure;
    bool has_input_ended = false;
    bool is_done = false;  ///< the handshake
    bool has_failed = false;
    bool is_shut = false;
    // The last member, so that it is destroyed first: it may still use the others.
    handle<SSL> ssl;

    /// Also between the records of a long message that follows whether the handshake is complete (a ticket, say)
    /// OpenSSL can encrypt nothing; what is written then waits like what is written before.
    bool can_encrypt() const noexcept { return is_done && SSL_is_init_finished(ssl.get()) == 1; }

    /// Not calling OpenSSL in vain saves a quarter of the time of a small message.
    bool has_nothing_to_read() const noexcept {
        return input.empty() && !has_input_ended && SSL_has_pending(ssl.get()) == 0 &&
               (SSL_get_shutdown(ssl.get()) & SSL_RECEIVED_SHUTDOWN) == 0;
    }

    void fail() {
        has_failed = true;
        failure = refusal.empty() ? describe_tls_failure() : refusal;
        ERR_clear_error();
        input = {};
        plain.clear();
    }

    void encrypt(std::string_view bytes) {
        std::size_t written = 0;
        // Never needs to be repeated, since the BIO takes everything.
        if (SSL_write_ex(ssl.get(), bytes.data(), bytes.size(), &written) != 1) fail();
    }

    void flush() {
        if (plain.empty() || has_failed || !can_encrypt()) return;
        encrypt(plain);
        plain.clear();
    }
};

namespace {

/// The BIO of OpenSSL's side: reads the received input and appends to the output. A memory BIO would copy the input
/// once more and grow in its own steps.
template <class State>
struct pipe_end {
    static State& state_of(BIO* bio) { return *static_cast<State*>(BIO_get_data(bio)); }

    static int read(BIO* bio, char* into, std::size_t wanted, std::size_t* size) {
        auto& state = state_of(bio);
        BIO_clear_retry_flags(bio);
        *size = std::min(wanted, state.input.size());
        if (*size == 0) {
            if (!state.has_input_ended) BIO_set_retry_read(bio);
            return 0;
        }
        std::memcpy(into, state.input.data(), *size);
        state.input.remove_prefix(*size);
        return 1;
    }

    static int write(BIO* bio, const char* bytes, std::size_t size, std::size_t* written) {
        try {
            state_of(bio).output.append(bytes, size);
        } catch (const std::bad_alloc&) {
            return 0;  // no exception may pass through C
        }
        *written = size;
        return 1;
    }

    static long control(BIO* bio, int command, long, void*) {
        switch (command) {
            case BIO_CTRL_FLUSH: return 1;
            case BIO_CTRL_EOF: return state_of(bio).has_input_ended && state_of(bio).input.empty();
            default: return 0;
        }
    }

    /// The BIO method is made once and lives as long as the program.
    static BIO_METHOD* kind() {
        static BIO_METHOD* const made = [] {
            BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "bester engine");
            if (!method) throw std::bad_alloc();
            BIO_meth_set_read_ex(method, read);
            BIO_meth_set_write_ex(method, write);
            BIO_meth_set_ctrl(method, control);
            return method;
        }();
        return made;
    }
};

}  // namespace

engine::engine(std::unique_ptr<connection_state> state) : state_(std::move(state)) {
    using end = pipe_end<connection_state>;
    state_->ssl.reset(SSL_new(state_->rules->native()));
    BIO* bio = state_->ssl ? BIO_new(end::kind()) : nullptr;
    if (!bio) throw std::bad_alloc();
    BIO_set_data(bio, state_.get());
    BIO_set_init(bio, 1);
    SSL_set_bio(state_->ssl.get(), bio, bio);
    SSL_set_app_data(state_->ssl.get(), &state_->refusal);
}

engine::~engine() = default;
engine::engine(engine&&) noexcept = default;
engine& engine::operator=(engine&&) noexcept = default;

engine engine::accept(std::shared_ptr<const context> context) {
    auto made = std::make_unique<connection_state>();
    made->rules = std::move(context);
    engine result(std::move(made));
    SSL_set_accept_state(result.state_->ssl.get());
    return result;
}

engine engine::connect(std::shared_ptr<const context> context, const std::string& server_name) {
    auto made = std::make_unique<connection_state>();
    made->rules = std::move(context);
    engine result(std::move(made));
    SSL_set_connect_state(result.state_->ssl.get());
    if (!server_name.empty()) SSL_set_tlsext_host_name(result.state_->ssl.get(), server_name.c_str());
    return result;
}

void engine::receive(std::string_view bytes) {
    auto& state = *state_;
    if (state.has_failed) return;
    if (state.input.empty()) {
        state.input = bytes;
        return;
    }
    keep_input();
    state.kept_input.append(bytes);
    state.input = state.kept_input;
}

void engine::keep_input() {
    auto& state = *state_;
    if (state.input.empty()) return;
    // The rest may be in the very string to which it is moved.
    const bool is_ours = !std::less<>()(state.input.data(), state.kept_input.data()) &&
                         std::less<>()(state.input.data(), state.kept_input.data() + state.kept_input.size());
    if (is_ours) state.kept_input.erase(0, static_cast<std::size_t>(state.input.data() - state.kept_input.data()));
    else state.kept_input.assign(state.input);
    state.input = state.kept_input;
}

void engine::end_input() noexcept { state_->has_input_ended = true; }

handshake_status engine::handshake() {
    auto& state = *state_;
    if (state.has_failed) return handshake_status::failed;
    if (state.is_done) return handshake_status::done;
    ERR_clear_error();
    const int outcome = SSL_do_handshake(state.ssl.get());
    if (outcome == 1) {
        state.is_done = true;
        ERR_clear_error();  // drops errors of failed attempts: reading and writing begin and end with an empty queue
        return handshake_status::done;
    }
    if (SSL_get_error(state.ssl.get(), outcome) == SSL_ERROR_WANT_READ) return handshake_status::want_more;
    state.fail();
    return handshake_status::failed;
}

bool engine::is_handshake_done() const noexcept { return !state_->has_failed && state_->is_done; }

read_result engine::read(std::span<char> into) {
    auto& state = *state_;
    if (state.has_failed) return {read_status::failed, 0};
    if (!state.is_done) return {read_status::want_more, 0};
    std::size_t total = 0;
    while (total < into.size()) {
        if (state.has_nothing_to_read()) break;
        std::size_t size = 0;
        const int outcome = SSL_read_ex(state.ssl.get(), into.data() + total, into.size() - total, &size);
        if (outcome == 1) {
            total += size;
            continue;
        }
        const int why = SSL_get_error(state.ssl.get(), outcome);
        if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_ZERO_RETURN) state.fail();
        if (total > 0) break;
        if (state.has_failed) return {read_status::failed, 0};
        // Input after close_notify is dropped.
        if (why == SSL_ERROR_ZERO_RETURN) state.input = {};
        return {why == SSL_ERROR_ZERO_RETURN ? read_status::closed : read_status::want_more, 0};
    }
    return {total > 0 ? read_status::data : read_status::want_more, total};
}

bool engine::write(std::string_view bytes) {
    auto& state = *state_;
    if (state.has_failed || state.is_shut) return false;
    if (!state.can_encrypt()) {
        state.plain.append(bytes);
        return true;
    }
    while (!bytes.empty()) {
        if (state.plain.size() >= record_size) state.flush();
        if (state.plain.empty() && bytes.size() >= record_size) {
            const auto whole = bytes.size() - bytes.size() % record_size;
            state.encrypt(bytes.substr(0, whole));
            bytes.remove_prefix(whole);
        } else {
            const auto piece = bytes.substr(0, record_size - state.plain.size());
            state.plain.append(piece);
            bytes.remove_prefix(piece.size());
        }
        if (state.has_failed) return false;
    }
    return true;
}

void engine::shutdown() {
    auto& state = *state_;
    if (state.has_failed || state.is_shut) return;
    state.flush();
    if (state.has_failed) return;
    state.is_shut = true;
    // During a handshake close_notify is not sent.
    if (!state.is_done) return;
    ERR_clear_error();
    SSL_shutdown(state.ssl.get());
    ERR_clear_error();
}

std::string_view engine::pending_output() {
    state_->flush();
    return std::string_view(state_->output).substr(state_->sent);
}

void engine::consume_output(std::size_t size) noexcept {
    auto& state = *state_;
    state.sent = std::min(state.sent + size, state.output.size());
    if (state.sent < state.output.size()) {
        // Sent bytes do not stay in memory for a slow peer; moving less than was sent costs little.
        if (state.sent < state.output.size() - state.sent) return;
        state.output.erase(0, state.sent);
    } else {
        state.output.clear();
    }
    state.sent = 0;
}

void engine::take_output(std::string& into) {
    auto& state = *state_;
    const auto pending = pending_output();
    if (into.empty() && state.sent == 0) into.swap(state.output);
    else into.append(pending);
    state.output.clear();
    state.sent = 0;
}

std::size_t engine::waiting_size() const noexcept {
    return state_->plain.size() + state_->output.size() - state_->sent;
}

std::size_t engine::held_input() const noexcept {
    const bool has_part = SSL_has_pending(state_->ssl.get()) != 0;
    return (state_->input.empty() ? 0 : state_->kept_input.capacity()) + (has_part ? record_size : 0);
}

std::size_t engine::held_output() const noexcept {
    return waiting_size() == 0 ? 0 : state_->plain.capacity() + state_->output.capacity();
}

void engine::release_memory() {
    auto& state = *state_;
    if (state.input.empty()) std::string().swap(state.kept_input);
    if (state.plain.empty()) std::string().swap(state.plain);
    if (state.output.empty()) std::string().swap(state.output);
    if (!state.has_failed && state.is_done) SSL_free_buffers(state.ssl.get());
}

const std::string& engine::failure() const noexcept { return state_->failure; }

std::optional<certificate_info> engine::peer_certificate() const {
    const auto* certificate = is_handshake_done() ? SSL_get0_peer_certificate(state_->ssl.get()) : nullptr;
    if (!certificate) return std::nullopt;
    return describe(*certificate);
}

std::vector<std::string> engine::peer_names() const {
    auto certificate = peer_certificate();
    return certificate ? std::move(certificate->names) : std::vector<std::string>();
}

bool engine::peer_has_name(std::string_view name) const {
    const auto certificate = peer_certificate();
    return certificate && has_name(*certificate, name);
}

}  // namespace bester::tls
