#include "tls/refusal.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "tls/certificate_info.hpp"
#include "tls/error.hpp"

namespace bester::tls {
namespace {

std::string words_for(int code, const certificate_info& certificate) {
    switch (code) {
        case X509_V_ERR_CERT_HAS_EXPIRED: return "expired " + format_time(certificate.not_after);
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return "is good from " + format_time(certificate.not_before) + " only; are both clocks right?";
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: return "is signed by itself, not by an authority trusted here";
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            return "was issued by \"" + certificate.issuer + "\", which is no authority trusted here";
        case X509_V_ERR_CERT_SIGNATURE_FAILURE:
            return "does not bear the signature of its issuer \"" + certificate.issuer + "\"";
        case X509_V_ERR_INVALID_PURPOSE: return "is not for this use (extendedKeyUsage)";
        default: return X509_verify_cert_error_string(code);
    }
}

int judge(int is_good, X509_STORE_CTX* chain, bool must_be_for_both) {
    const auto* current = X509_STORE_CTX_get_current_cert(chain);
    const int depth = X509_STORE_CTX_get_error_depth(chain);
    if (is_good && (!must_be_for_both || depth != 0 || !current)) return 1;
    const auto certificate = current ? describe(*current) : certificate_info{};
    if (is_good && certificate.is_for_servers && certificate.is_for_clients) return 1;
    std::string what = words_for(X509_STORE_CTX_get_error(chain), certificate);
    if (is_good) {
        X509_STORE_CTX_set_error(chain, X509_V_ERR_INVALID_PURPOSE);
        what = "is not for servers and clients both (extendedKeyUsage)";
    }
    auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
    if (auto* reason = static_cast<std::string*>(SSL_get_app_data(ssl))) {
        const auto& name = certificate.names.empty() ? certificate.subject : certificate.names.front();
        *reason = (depth == 0 ? "the peer's certificate (" : "the certificate of the peer's authority (") + name +
                  ") " + what;
    }
    return 0;
}

}  // namespace

int verify_peer(int is_good, X509_STORE_CTX* chain) { return judge(is_good, chain, false); }

int verify_server_of_link(int is_good, X509_STORE_CTX* chain) { return judge(is_good, chain, true); }

std::string describe_tls_failure() {
    const auto code = ERR_peek_error();
    const int reason = ERR_GET_REASON(code);
    if (ERR_GET_LIB(code) == ERR_LIB_SSL) {
        const auto say = [](std::string text) {
            ERR_clear_error();
            return text;
        };
        // Returns the text of an alert from the other side, without a prefix such as "tlsv1 alert ".
        if (reason > SSL_AD_REASON_OFFSET) {
            const char* known = ERR_reason_error_string(code);
            const std::string words = known ? known : "alert " + std::to_string(reason - SSL_AD_REASON_OFFSET);
            const auto at = words.find("alert ");
            return say("the peer refused: " + (known && at != words.npos ? words.substr(at + 6) : words));
        }
        switch (reason) {
            case SSL_R_UNEXPECTED_EOF_WHILE_READING:
                return say("the connection was cut without a farewell (close_notify)");
            case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: return say("the peer has shown no certificate");
            case SSL_R_UNSUPPORTED_PROTOCOL: return say("the peer speaks no version of TLS that is allowed here");
            case SSL_R_WRONG_VERSION_NUMBER:
            case SSL_R_HTTP_REQUEST:
            case SSL_R_HTTPS_PROXY_REQUEST: return say("what the peer speaks is not TLS");
            case SSL_R_NO_SHARED_CIPHER:
            case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM: return say("no kind of encryption that both sides know");
            case SSL_R_NO_APPLICATION_PROTOCOL: return say("the peer speaks another application protocol (ALPN)");
            default: break;
        }
    }
    return take_crypto_reason();
}

}  // namespace bester::tls
