// TLS 1.2 and 1.3 in memory: bytes of the network go in and come out, the caller moves them.
//
// Memory on both sides keeps sockets, deadlines and SIGPIPE out of OpenSSL: the stream that owns
// the descriptor is the only one to read and write it.
#pragma once

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

typedef struct copenssl_tls_context copenssl_tls_context;
typedef struct copenssl_tls copenssl_tls;

// What a call on a session came to.
enum {
    COPENSSL_TLS_OK = 0,
    // More bytes of the peer are needed.
    COPENSSL_TLS_WANTS_INPUT = -1,
    // The peer said that nothing more comes (close_notify).
    COPENSSL_TLS_ENDED = -2,
    // The session is broken; `copenssl_tls_error_text` says why.
    COPENSSL_TLS_FAILED = -3,
};

// A client that believes the certificates of `ca_file`, or of the machine when it is NULL. The
// environment is not asked. NULL when they cannot be loaded; freed by the caller.
copenssl_tls_context *_Nullable copenssl_tls_client_context(const char *_Nullable ca_file);

// A server that has nothing to show yet; freed by the caller.
copenssl_tls_context *_Nullable copenssl_tls_server_context(void);

// How many certificates are taken of one text; one more is an error, not left out.
enum { COPENSSL_TLS_CHAIN_LIMIT = 16, COPENSSL_TLS_AUTHORITY_LIMIT = 256 };

// What adding to a server's context came to.
enum {
    // No certificate in PEM form.
    COPENSSL_TLS_NO_CHAIN = -1,
    COPENSSL_TLS_NO_KEY = -2,
    // Key and certificate do not belong together.
    COPENSSL_TLS_MISMATCH = -3,
    // OpenSSL does not want them (a key too short, say); `copenssl_tls_error_text` says why.
    COPENSSL_TLS_REFUSED = -4,
    // One of the certificates cannot be read; the error text says why.
    COPENSSL_TLS_UNREADABLE = -5,
    // More than the limit.
    COPENSSL_TLS_TOO_MANY = -6,
};

// Adds a certificate chain (the server's own first) and its key, both in PEM form. Clients that ask
// for a name are shown the first that is for it, all others the first of all. OK, or one of the above.
int copenssl_tls_server_add(copenssl_tls_context *context, const uint8_t *chain,
                            size_t chain_length, const uint8_t *key, size_t key_length);

// After everything was added: clients are asked for a certificate, and one they show must lead to
// one of those in `pem`. Without it no client certificate is looked at. OK, or one of the above.
int copenssl_tls_server_ask(copenssl_tls_context *context, const uint8_t *pem, size_t length,
                            int is_required);

void copenssl_tls_context_free(copenssl_tls_context *context);

// A session; `host` is the name (or the address, when `is_address`) that the certificate of the
// server must be for, NULL on the server's side. Freed by the caller; keeps the context alive.
copenssl_tls *_Nullable copenssl_tls_new(copenssl_tls_context *context, const char *_Nullable host,
                                         int is_address);
void copenssl_tls_free(copenssl_tls *session);

// Before the handshake: HTTP/2 is offered, or taken where it is offered, before HTTP/1.1 (ALPN).
void copenssl_tls_offer_http2(copenssl_tls *session);
// Whether both sides agreed on it.
int copenssl_tls_speaks_http2(copenssl_tls *session);

// Takes bytes that came from the peer; 0, or -1 without memory.
int copenssl_tls_input(copenssl_tls *session, const uint8_t *bytes, size_t length);
// How many bytes wait to be sent to the peer, and taking them.
size_t copenssl_tls_output_count(copenssl_tls *session);
size_t copenssl_tls_output(copenssl_tls *session, uint8_t *out, size_t length);

// Goes on with the handshake: OK when it is done, WANTS_INPUT, or FAILED. Output may wait after
// each of them.
int copenssl_tls_handshake(copenssl_tls *session);

// Whether reading could bring anything: bytes that were not looked at, or the end.
int copenssl_tls_has_input(copenssl_tls *session);
// The number of bytes decrypted into `out`, or one of the negative values.
long copenssl_tls_read(copenssl_tls *session, uint8_t *out, size_t length);
// Encrypts all of `bytes`; OK or FAILED.
int copenssl_tls_write(copenssl_tls *session, const uint8_t *bytes, size_t length);
// Tells the peer that nothing more comes.
void copenssl_tls_close(copenssl_tls *session);

// Why the certificate was refused, or what OpenSSL says otherwise; the length written. `session`
// may be NULL, after a context could not be made.
size_t copenssl_tls_error_text(copenssl_tls *_Nullable session, char *out, size_t length);

#pragma clang assume_nonnull end
