// OpenSSL 3 calls these functions deprecated in favour of EVP, which looks its provider up and takes
// and frees a context for every digest: for a leaf of the log that is as much work as the hash. They
// are the same code below, with the context on the stack.
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>

#include "copenssl_crypto.h"

int copenssl_sha256(int has_first, uint8_t first, const uint8_t *a, size_t a_length,
                    const uint8_t *b, size_t b_length, uint8_t *out) {
    SHA256_CTX context;
    int is_done = SHA256_Init(&context) == 1 && (!has_first || SHA256_Update(&context, &first, 1) == 1) &&
                  (a_length == 0 || SHA256_Update(&context, a, a_length) == 1) &&
                  (b_length == 0 || SHA256_Update(&context, b, b_length) == 1) &&
                  SHA256_Final(out, &context) == 1;
    // Of a long key its digest is the key, and it stands in here.
    OPENSSL_cleanse(&context, sizeof(context));
    return is_done ? 0 : -1;
}

// RFC 2104 over the digest above: our keys change with every record, and setting a new key on an
// EVP_MAC costs more than the two hashes.
int copenssl_hmac_sha256(const uint8_t *key, size_t key_length, const uint8_t *data,
                         size_t data_length, uint8_t *out) {
    uint8_t block[64] = {0};
    uint8_t inner[32];
    if (key_length > sizeof(block)) {
        if (copenssl_sha256(0, 0, key, key_length, NULL, 0, block) != 0) return -1;
    } else if (key_length > 0) {
        memcpy(block, key, key_length);
    }
    for (size_t i = 0; i < sizeof(block); i++) block[i] ^= 0x36;
    int status = copenssl_sha256(0, 0, block, sizeof(block), data, data_length, inner);
    for (size_t i = 0; i < sizeof(block); i++) block[i] ^= 0x36 ^ 0x5c;
    if (status == 0) status = copenssl_sha256(0, 0, block, sizeof(block), inner, 32, out);
    OPENSSL_cleanse(block, sizeof(block));
    OPENSSL_cleanse(inner, sizeof(inner));
    return status;
}
