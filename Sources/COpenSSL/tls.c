#include "tls.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const unsigned char copenssl_tls_protocols[] = "\x02h2\x08http/1.1";
_Static_assert(sizeof copenssl_tls_protocols - 1 == COPENSSL_TLS_PROTOCOLS_LENGTH, "ALPN");

SSL_CTX *copenssl_tls_new_ssl_context(const SSL_METHOD *method) {
    SSL_CTX *ssl = SSL_CTX_new(method);
    if (!ssl || SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) != 1 ||
        // Of TLS 1.2 only what has forward secrecy and is authenticated encryption (RFC 9325).
        SSL_CTX_set_cipher_list(ssl, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1) {
        SSL_CTX_free(ssl);
        return NULL;
    }
    SSL_CTX_set_security_level(ssl, 2);
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
    return ssl;
}

static copenssl_tls_context *new_context(const SSL_METHOD *method) {
    ERR_clear_error();
    copenssl_tls_context *context = calloc(1, sizeof *context);
    if (!context) return NULL;
    context->ssl = copenssl_tls_new_ssl_context(method);
    if (!context->ssl) {
        copenssl_tls_context_free(context);
        return NULL;
    }
    return context;
}

copenssl_tls_context *copenssl_tls_client_context(const char *ca_file) {
    copenssl_tls_context *context = new_context(TLS_client_method());
    if (!context) return NULL;
    SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
    int loaded;
    if (ca_file) {
        loaded = SSL_CTX_load_verify_file(context->ssl, ca_file);
    } else {
        // SSL_CTX_set_default_verify_paths would let the environment name other roots.
        const char *file = X509_get_default_cert_file();
        loaded = access(file, R_OK) == 0 ? SSL_CTX_load_verify_file(context->ssl, file)
                                         : SSL_CTX_load_verify_dir(
                                               context->ssl, X509_get_default_cert_dir());
    }
    // SSL_CTX_set_alpn_protos returns 0 on success, unlike its neighbours.
    if (loaded != 1 ||
        SSL_CTX_set_alpn_protos(
            context->ssl, copenssl_tls_protocols + COPENSSL_TLS_HTTP2_LENGTH,
            COPENSSL_TLS_PROTOCOLS_LENGTH - COPENSSL_TLS_HTTP2_LENGTH) != 0) {
        copenssl_tls_context_free(context);
        return NULL;
    }
    return context;
}

copenssl_tls_context *copenssl_tls_server_context(void) {
    return new_context(TLS_server_method());
}

void copenssl_tls_context_free(copenssl_tls_context *context) {
    for (size_t i = 0; i < context->other_count; i++) SSL_CTX_free(context->others[i]);
    free(context->others);
    SSL_CTX_free(context->ssl);
    free(context);
}

static int name_server(SSL *ssl, const char *host, int is_address) {
    X509_VERIFY_PARAM *rules = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(
        rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    // RFC 6066 section 3: literal addresses are not sent as a server name.
    if (is_address) return X509_VERIFY_PARAM_set1_ip_asc(rules, host) == 1;
    return X509_VERIFY_PARAM_set1_host(rules, host, 0) == 1 &&
           SSL_set_tlsext_host_name(ssl, host) == 1;
}

copenssl_tls *copenssl_tls_new(copenssl_tls_context *context, const char *host, int is_address) {
    ERR_clear_error();
    copenssl_tls *session = calloc(1, sizeof *session);
    if (!session) return NULL;
    session->ssl = SSL_new(context->ssl);
    session->in = BIO_new(BIO_s_mem());
    session->out = BIO_new(BIO_s_mem());
    if (!session->ssl || !session->in || !session->out) {
        BIO_free(session->in);
        BIO_free(session->out);
        SSL_free(session->ssl);
        free(session);
        return NULL;
    }
    // The session owns both from here.
    SSL_set_bio(session->ssl, session->in, session->out);
    SSL_set_app_data(session->ssl, session);
    if (host) {
        SSL_set_connect_state(session->ssl);
        if (!name_server(session->ssl, host, is_address)) {
            copenssl_tls_free(session);
            return NULL;
        }
    } else {
        SSL_set_accept_state(session->ssl);
    }
    return session;
}

void copenssl_tls_free(copenssl_tls *session) {
    SSL_free(session->ssl);
    free(session);
}

void copenssl_tls_offer_http2(copenssl_tls *session) {
    session->offers_http2 = 1;
    if (!SSL_is_server(session->ssl))
        SSL_set_alpn_protos(session->ssl, copenssl_tls_protocols, COPENSSL_TLS_PROTOCOLS_LENGTH);
}

int copenssl_tls_speaks_http2(copenssl_tls *session) {
    const unsigned char *name = NULL;
    unsigned int length = 0;
    SSL_get0_alpn_selected(session->ssl, &name, &length);
    return length == 2 && memcmp(name, "h2", 2) == 0;
}

int copenssl_tls_input(copenssl_tls *session, const uint8_t *bytes, size_t length) {
    size_t written = 0;
    if (length == 0) return 0;
    return BIO_write_ex(session->in, bytes, length, &written) == 1 && written == length ? 0 : -1;
}

size_t copenssl_tls_output_count(copenssl_tls *session) { return BIO_ctrl_pending(session->out); }

size_t copenssl_tls_output(copenssl_tls *session, uint8_t *out, size_t length) {
    size_t count = 0;
    return BIO_read_ex(session->out, out, length, &count) == 1 ? count : 0;
}

static int outcome(copenssl_tls *session, int result) {
    switch (SSL_get_error(session->ssl, result)) {
    case SSL_ERROR_NONE: return COPENSSL_TLS_OK;
    case SSL_ERROR_WANT_READ: return COPENSSL_TLS_WANTS_INPUT;
    case SSL_ERROR_ZERO_RETURN: return COPENSSL_TLS_ENDED;
    default: return COPENSSL_TLS_FAILED;
    }
}

int copenssl_tls_handshake(copenssl_tls *session) {
    ERR_clear_error();
    return outcome(session, SSL_do_handshake(session->ssl));
}

int copenssl_tls_has_input(copenssl_tls *session)
{
    return BIO_ctrl_pending(session->in) > 0 || SSL_has_pending(session->ssl) == 1 ||
           (SSL_get_shutdown(session->ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
}

long copenssl_tls_read(copenssl_tls *session, uint8_t *out, size_t length) {
    ERR_clear_error();
    int result = SSL_read(session->ssl, out, length > INT_MAX ? INT_MAX : (int)length);
    return result > 0 ? result : outcome(session, result);
}

int copenssl_tls_write(copenssl_tls *session, const uint8_t *bytes, size_t length) {
    ERR_clear_error();
    size_t written = 0;
    if (length == 0) return COPENSSL_TLS_OK;
    // Memory takes everything, so that there is no partial write.
    int result = SSL_write_ex(session->ssl, bytes, length, &written);
    return result == 1 && written == length ? COPENSSL_TLS_OK : COPENSSL_TLS_FAILED;
}

void copenssl_tls_close(copenssl_tls *session) {
    ERR_clear_error();
    SSL_shutdown(session->ssl);
}

size_t copenssl_tls_error_text(copenssl_tls *session, char *out, size_t length) {
    if (length == 0) return 0;
    out[0] = 0;
    long verified = session ? SSL_get_verify_result(session->ssl) : X509_V_OK;
    if (verified != X509_V_OK) {
        snprintf(out, length, "certificate refused: %s", X509_verify_cert_error_string(verified));
    } else {
        const char *reason = ERR_reason_error_string(ERR_peek_last_error());
        snprintf(out, length, "%s", reason ? reason : "the connection broke off");
    }
    return strlen(out);
}
