#include "tls.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

enum { IDENTITY_LIMIT = 64 };

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

// What the end of a text of certificates came to, after `count` of them. That no other begins is no
// error; anything else is a block that could not be read, and what follows it is not known.
static int end_of_text(int count) {
    unsigned long error = ERR_peek_last_error();
    if (ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE)
        return COPENSSL_TLS_UNREADABLE;
    ERR_clear_error();
    return count > 0 ? COPENSSL_TLS_OK : COPENSSL_TLS_NO_CHAIN;
}

// All certificates of a text in PEM form, 1 to `limit`, added to `taken`; OK only when none is left.
static int take_certificates(STACK_OF(X509) *taken, const uint8_t *pem, size_t length, int limit) {
    BIO *bio = length <= INT_MAX ? BIO_new_mem_buf(pem, (int)length) : NULL;
    int status = bio && taken ? COPENSSL_TLS_OK : COPENSSL_TLS_REFUSED;
    while (status == COPENSSL_TLS_OK) {
        X509 *certificate = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
        if (!certificate) {
            status = end_of_text(sk_X509_num(taken));
            break;
        }
        if (sk_X509_num(taken) >= limit)
            status = COPENSSL_TLS_TOO_MANY;
        else if (sk_X509_push(taken, certificate) <= 0)
            status = COPENSSL_TLS_REFUSED;
        if (status != COPENSSL_TLS_OK) X509_free(certificate);
    }
    BIO_free(bio);
    return status;
}

static int use_chain(SSL_CTX *ssl, const STACK_OF(X509) *chain) {
    int is_used = SSL_CTX_use_certificate(ssl, sk_X509_value(chain, 0)) == 1;
    for (int i = 1; is_used && i < sk_X509_num(chain); i++)
        is_used = SSL_CTX_add1_chain_cert(ssl, sk_X509_value(chain, i)) == 1;
    return is_used ? COPENSSL_TLS_OK : COPENSSL_TLS_REFUSED;
}

static int take_chain(SSL_CTX *ssl, const uint8_t *pem, size_t length) {
    STACK_OF(X509) *chain = sk_X509_new_null();
    int status = take_certificates(chain, pem, length, COPENSSL_TLS_CHAIN_LIMIT);
    if (status == COPENSSL_TLS_OK) status = use_chain(ssl, chain);
    sk_X509_pop_free(chain, X509_free);
    return status;
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
    int status = take_chain(ssl, chain, chain_length);
    if (status != COPENSSL_TLS_OK) return status;
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

static int add_authority(X509_STORE *store, STACK_OF(X509_NAME) *names, X509 *certificate) {
    X509_NAME *name = X509_NAME_dup(X509_get_subject_name(certificate));
    if (!name) return 0;
    if (sk_X509_NAME_push(names, name) > 0) return X509_STORE_add_cert(store, certificate) == 1;
    X509_NAME_free(name);
    return 0;
}

static int take_authorities(X509_STORE *store, STACK_OF(X509_NAME) *names, const uint8_t *pem,
                            size_t length) {
    STACK_OF(X509) *authorities = sk_X509_new_null();
    int status = take_certificates(authorities, pem, length, COPENSSL_TLS_AUTHORITY_LIMIT);
    for (int i = 0; status == COPENSSL_TLS_OK && i < sk_X509_num(authorities); i++)
        if (!add_authority(store, names, sk_X509_value(authorities, i)))
            status = COPENSSL_TLS_REFUSED;
    sk_X509_pop_free(authorities, X509_free);
    return status;
}

static void ask(SSL_CTX *ssl, X509_STORE *store, STACK_OF(X509_NAME) *names, int is_required) {
    SSL_CTX_set1_cert_store(ssl, store);
    SSL_CTX_set_client_CA_list(ssl, SSL_dup_CA_list(names));
    SSL_CTX_set_verify(
        ssl, SSL_VERIFY_PEER | (is_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
    SSL_CTX_set_verify_depth(ssl, COPENSSL_TLS_CHAIN_LIMIT);
    // Each connection is new; nothing of another may be taken up again.
    static const unsigned char scope[] = "gatehouse";
    SSL_CTX_set_session_id_context(ssl, scope, sizeof scope - 1);
}

int copenssl_tls_server_ask(copenssl_tls_context *context, const uint8_t *pem, size_t length,
                            int is_required) {
    ERR_clear_error();
    X509_STORE *store = X509_STORE_new();
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
    int status = store && names ? take_authorities(store, names, pem, length) : COPENSSL_TLS_REFUSED;
    if (status == COPENSSL_TLS_OK) {
        ask(context->ssl, store, names, is_required);
        for (size_t i = 0; i < context->other_count; i++)
            ask(context->others[i], store, names, is_required);
    }
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    X509_STORE_free(store);
    return status;
}
