// A certificate authority in memory: P-256 keys, made and used here, never on a disk.
#pragma once

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

typedef struct copenssl_authority copenssl_authority;

// An authority called `name`, good for `constraints` alone (an OpenSSL nameConstraints value such as
// "permitted;DNS:a.example") from `from` to `to`, in seconds since 1970. NULL when it cannot be made;
// freed by the caller.
copenssl_authority *_Nullable copenssl_authority_create(
    const char *name, const char *constraints, int64_t from, int64_t to);
void copenssl_authority_free(copenssl_authority *authority);

// Its certificate in PEM form; the length, or -1 when `out` is too small.
long copenssl_authority_certificate(copenssl_authority *authority, uint8_t *out, size_t length);

// A new key and a certificate for the host `name`, both in PEM form, the chain with the authority's
// own. 0, or -1.
int copenssl_authority_issue(
    copenssl_authority *authority, const char *name, int64_t from, int64_t to, uint8_t *chain,
    size_t *chain_length, uint8_t *key, size_t *key_length);

#pragma clang assume_nonnull end
