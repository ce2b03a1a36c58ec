#pragma once

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

// SHA-256 of `first` (when `has_first`), then `a`, then `b`. A NULL part has length 0.
int copenssl_sha256(int has_first, uint8_t first, const uint8_t *_Nullable a, size_t a_length,
                    const uint8_t *_Nullable b, size_t b_length, uint8_t *out);

// HMAC-SHA-256 (RFC 2104); `out` has 32 bytes.
int copenssl_hmac_sha256(const uint8_t *_Nullable key, size_t key_length,
                         const uint8_t *_Nullable data, size_t data_length, uint8_t *out);

// Ed25519 (RFC 8032). `seed` and `public_key` have 32 bytes, `signature` 64.
int copenssl_ed25519_public(const uint8_t *seed, uint8_t *public_key);
int copenssl_ed25519_sign(const uint8_t *seed, const uint8_t *_Nullable message, size_t length,
                          uint8_t *signature);
// 1 when it is a signature, 0 when not, -1 when it could not be checked.
int copenssl_ed25519_verify(const uint8_t *public_key, const uint8_t *_Nullable message,
                            size_t length, const uint8_t *signature);

// scrypt (RFC 7914) with a memory cap of `memory_limit` bytes.
int copenssl_scrypt(const uint8_t *_Nullable passphrase, size_t passphrase_length,
                    const uint8_t *_Nullable salt, size_t salt_length, uint64_t n, uint64_t r,
                    uint64_t p, uint64_t memory_limit, uint8_t *out, size_t out_length);

// AES-256-GCM with a 12-byte nonce and a 16-byte tag. `out` has room for `length` bytes.
int copenssl_aes256gcm_seal(const uint8_t *key, const uint8_t *nonce,
                            const uint8_t *_Nullable aad, size_t aad_length,
                            const uint8_t *_Nullable plain, size_t length,
                            uint8_t *_Nullable out, uint8_t *tag);
// -1 also when the tag does not fit; `out` is then zeroed.
int copenssl_aes256gcm_open(const uint8_t *key, const uint8_t *nonce,
                            const uint8_t *_Nullable aad, size_t aad_length,
                            const uint8_t *_Nullable sealed, size_t length, const uint8_t *tag,
                            uint8_t *_Nullable out);

// 1 when equal; the time depends on `length` only.
int copenssl_equal(const uint8_t *a, const uint8_t *b, size_t length);

// Fills `out` from the CSPRNG.
int copenssl_random(uint8_t *out, size_t length);

// Zeroes memory in a way the compiler keeps.
void copenssl_cleanse(void *memory, size_t length);

#pragma clang assume_nonnull end
