#include "tls.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

enum { CHAIN_LIMIT = 16, IDENTITY_LIMIT = 64, AUTHORITY_LIMIT = 256 };

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_length,
                           const unsigned char *in, unsigned int in_length, void *argument) {
    (void)argument;
    const copenssl_tls *session = SSL_get_app_data(ssl);
    unsigned int skipped = session && session->offers_http2 ? 0 : COPENSSL_TLS_HTTP2_LENGTH;
    unsigned char *chosen = NULL;
    if (SSL_select_next_proto(&chosen, out_length, copenssl_tls_protocols + skipped,
                              COPENSSL_TLS_PROTOCOLS_LENGTH - skipped, in,
                              in_length) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static int is_for(SSL_CTX *ssl, const char *name) {
    X509 *certificate = SSL_CTX_get0_certificate(ssl);
    return certificate && X509_check_host(certificate, name, 0,
                                          X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                              X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
                                          NULL) == 1;
}

// RFC 6066 section 3: a name nobody here has is no reason to end the handshake; the client sees the
// first certificate and decides.
static int choose_identity(SSL *ssl, int *alert, void *argument) {
    (void)alert;
    copenssl_tls_context *context = argument;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (!name) return SSL_TLSEXT_ERR_NOACK;
    if (is_for(context->ssl, name)) return SSL_TLSEXT_ERR_OK;
    for (size_t i = 0; i < context->other_count; i++) {
        if (!is_for(context->others[i], name)) continue;
        SSL_set_SSL_CTX(ssl, context->others[i]);
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_NOACK;
}

// A key under a passphrase must not make OpenSSL ask at the terminal.
static int no_passphrase(char *buffer, int size, int is_writing, void *argument) {
    (void)buffer;
    (void)size;
    (void)is_writing;
    (void)argument;
    return -1;
}

static int take_chain(SSL_CTX *ssl, const uint8_t *pem, size_t length) {
    BIO *bio = length <= INT_MAX ? BIO_new_mem_buf(pem, (int)length) : NULL;
    if (!bio) return 0;
    int count = 0;
    int is_taken = 1;
    while (is_taken) {
        X509 *certificate = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
        if (!certificate) break;
        if (count == 0) {
            is_taken = SSL_CTX_use_certificate(ssl, certificate) == 1;
            X509_free(certificate);
        } else if (count >= CHAIN_LIMIT || SSL_CTX_add0_chain_cert(ssl, certificate) != 1) {
            X509_free(certificate);
            is_taken = 0;
        }
        count++;
    }
    BIO_free(bio);
    if (!is_taken) return 0;
    // The end of the text is no error; anything else that could not be read is.
    unsigned long error = ERR_peek_last_error();
    int is_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
    if (count > 0 && is_end) ERR_clear_error();
    return count > 0 && is_end;
}

static EVP_PKEY *read_key(const uint8_t *pem, size_t length) {
    BIO *bio = length <= INT_MAX ? BIO_new_mem_buf(pem, (int)length) : NULL;
    if (!bio) return NULL;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    BIO_free(bio);
    return key;
}

static int fill(SSL_CTX *ssl, const uint8_t *chain, size_t chain_length, const uint8_t *key_pem,
                size_t key_length) {
    if (!take_chain(ssl, chain, chain_length)) return COPENSSL_TLS_NO_CHAIN;
    EVP_PKEY *key = read_key(key_pem, key_length);
    if (!key) return COPENSSL_TLS_NO_KEY;
    int fits = X509_check_private_key(SSL_CTX_get0_certificate(ssl), key);
    int is_taken = fits == 1 && SSL_CTX_use_PrivateKey(ssl, key) == 1;
    EVP_PKEY_free(key);
    if (fits != 1) return COPENSSL_TLS_MISMATCH;
    return is_taken ? COPENSSL_TLS_OK : COPENSSL_TLS_REFUSED;
}

static void prepare(SSL_CTX *ssl, copenssl_tls_context *context) {
    SSL_CTX_set_num_tickets(ssl, 0);
    SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_max_cert_list(ssl, 32 << 10);
    SSL_CTX_set_alpn_select_cb(ssl, choose_protocol, NULL);
    SSL_CTX_set_tlsext_servername_callback(ssl, choose_identity);
    SSL_CTX_set_tlsext_servername_arg(ssl, context);
}

int copenssl_tls_server_add(copenssl_tls_context *context, const uint8_t *chain,
                            size_t chain_length, const uint8_t *key, size_t key_length) {
    ERR_clear_error();
    if (!context->has_identity) {
        prepare(context->ssl, context);
        int status = fill(context->ssl, chain, chain_length, key, key_length);
        context->has_identity = status == COPENSSL_TLS_OK;
        return status;
    }
    if (context->other_count >= IDENTITY_LIMIT) return COPENSSL_TLS_REFUSED;
    SSL_CTX **grown =
        realloc(context->others, (context->other_count + 1) * sizeof *context->others);
    if (!grown) return COPENSSL_TLS_REFUSED;
    context->others = grown;
    SSL_CTX *ssl = copenssl_tls_new_ssl_context(TLS_server_method());
    if (!ssl) return COPENSSL_TLS_REFUSED;
    prepare(ssl, context);
    int status = fill(ssl, chain, chain_length, key, key_length);
    if (status != COPENSSL_TLS_OK) {
        SSL_CTX_free(ssl);
        return status;
    }
    context->others[context->other_count++] = ssl;
    return COPENSSL_TLS_OK;
}

// MARK: Certificates of clients

static int take_authorities(X509_STORE *store, STACK_OF(X509_NAME) *names, const uint8_t *pem,
                            size_t length) {
    BIO *bio = length <= INT_MAX ? BIO_new_mem_buf(pem, (int)length) : NULL;
    if (!bio) return 0;
    int count = 0;
    int is_taken = 1;
    while (is_taken && count < AUTHORITY_LIMIT) {
        X509 *certificate = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
        if (!certificate) break;
        X509_NAME *name = X509_NAME_dup(X509_get_subject_name(certificate));
        is_taken = name && sk_X509_NAME_push(names, name) > 0 &&
                   X509_STORE_add_cert(store, certificate) == 1;
        X509_free(certificate);
        count++;
    }
    BIO_free(bio);
    return is_taken && count > 0;
}

static void ask(SSL_CTX *ssl, X509_STORE *store, STACK_OF(X509_NAME) *names, int is_required) {
    SSL_CTX_set1_cert_store(ssl, store);
    SSL_CTX_set_client_CA_list(ssl, SSL_dup_CA_list(names));
    SSL_CTX_set_verify(
        ssl, SSL_VERIFY_PEER | (is_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
    SSL_CTX_set_verify_depth(ssl, CHAIN_LIMIT);
    // Each connection is new; nothing of another may be taken up again.
    static const unsigned char scope[] = "gatehouse";
    SSL_CTX_set_session_id_context(ssl, scope, sizeof scope - 1);
}

int copenssl_tls_server_ask(copenssl_tls_context *context, const uint8_t *pem, size_t length,
                            int is_required) {
    ERR_clear_error();
    X509_STORE *store = X509_STORE_new();
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
    int status = COPENSSL_TLS_NO_CHAIN;
    if (store && names && take_authorities(store, names, pem, length)) {
        ask(context->ssl, store, names, is_required);
        for (size_t i = 0; i < context->other_count; i++)
            ask(context->others[i], store, names, is_required);
        status = COPENSSL_TLS_OK;
    }
    ERR_clear_error();
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    X509_STORE_free(store);
    return status;
}
