// What stands in a certificate (RFC 5280), copied out.
#pragma once

#include "copenssl_tls.h"

#pragma clang assume_nonnull begin

typedef struct copenssl_certificate copenssl_certificate;

// The first certificate of a PEM text, or the one the peer of a finished handshake has shown; NULL
// when there is none. Freed by the caller.
copenssl_certificate *_Nullable copenssl_certificate_read(const uint8_t *pem, size_t length);
copenssl_certificate *_Nullable copenssl_certificate_of_peer(copenssl_tls *session);
void copenssl_certificate_free(copenssl_certificate *certificate);

// From when to when it holds, in seconds since 1970; 0, or -1 when it says neither.
int copenssl_certificate_times(copenssl_certificate *certificate, int64_t *from, int64_t *to);

// SHA-256 of the whole certificate; `out` has 32 bytes.
int copenssl_certificate_digest(copenssl_certificate *certificate, uint8_t *out);

// The subject as RFC 2253 writes it; its length, or -1 when `out` is too small.
long copenssl_certificate_subject(copenssl_certificate *certificate, char *out, size_t length);

enum {
    COPENSSL_NAME_OTHER = 0,
    COPENSSL_NAME_DNS = 1,
    COPENSSL_NAME_URI = 2,
    COPENSSL_NAME_EMAIL = 3,
    // Four or sixteen bytes.
    COPENSSL_NAME_ADDRESS = 4,
};

// The alternative name at `index`: its kind into `kind`, its bytes into `out`. Its length; -1 after
// the last, -2 when `out` is too small.
long copenssl_certificate_name(copenssl_certificate *certificate, size_t index, int *kind,
                               uint8_t *out, size_t length);

// Whether it is for that host name, or address; the subject does not count (RFC 9525).
int copenssl_certificate_is_for(copenssl_certificate *certificate, const char *name,
                                int is_address);

#pragma clang assume_nonnull end
