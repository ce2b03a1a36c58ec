#include "copenssl_crypto.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <string.h>

// Fetching an algorithm walks the provider tables and costs more than sealing a record, so it is
// done once; the fetched method is immutable and shared by all threads.
static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;
static EVP_CIPHER *gcm_method;

static void fetch(void) { gcm_method = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL); }

int copenssl_ed25519_public(const uint8_t *seed, uint8_t *public_key) {
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
    if (key == NULL) return -1;
    size_t length = 32;
    int status = EVP_PKEY_get_raw_public_key(key, public_key, &length) == 1 && length == 32;
    EVP_PKEY_free(key);
    return status ? 0 : -1;
}

int copenssl_ed25519_sign(const uint8_t *seed, const uint8_t *message, size_t length,
                          uint8_t *signature) {
    static const uint8_t nothing;
    int status = -1;
    size_t signature_length = 64;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (key != NULL && context != NULL &&
        EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
        EVP_DigestSign(context, signature, &signature_length, message ? message : &nothing,
                       length) == 1 &&
        signature_length == 64) {
        status = 0;
    }
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return status;
}

int copenssl_ed25519_verify(const uint8_t *public_key, const uint8_t *message, size_t length,
                            const uint8_t *signature) {
    static const uint8_t nothing;
    int status = -1;
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key, 32);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (key != NULL && context != NULL &&
        EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1) {
        status = EVP_DigestVerify(context, signature, 64, message ? message : &nothing,
                                  length) == 1;
    }
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return status;
}

int copenssl_scrypt(const uint8_t *passphrase, size_t passphrase_length, const uint8_t *salt,
                    size_t salt_length, uint64_t n, uint64_t r, uint64_t p,
                    uint64_t memory_limit, uint8_t *out, size_t out_length) {
    static const uint8_t nothing;
    return EVP_PBE_scrypt(passphrase ? (const char *)passphrase : (const char *)&nothing,
                          passphrase_length, salt ? salt : &nothing, salt_length, n, r, p,
                          memory_limit, out, out_length) == 1
               ? 0
               : -1;
}

int copenssl_aes256gcm_seal(const uint8_t *key, const uint8_t *nonce, const uint8_t *aad,
                            size_t aad_length, const uint8_t *plain, size_t length, uint8_t *out,
                            uint8_t *tag) {
    if (length > INT_MAX || aad_length > INT_MAX) return -1;
    pthread_once(&fetch_once, fetch);
    if (gcm_method == NULL) return -1;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    if (context == NULL) return -1;
    int written = 0;
    uint8_t rest[16];
    int status =
        EVP_EncryptInit_ex2(context, gcm_method, key, nonce, NULL) == 1 &&
        (aad_length == 0 ||
         EVP_EncryptUpdate(context, NULL, &written, aad, (int)aad_length) == 1) &&
        (length == 0 || EVP_EncryptUpdate(context, out, &written, plain, (int)length) == 1) &&
        EVP_EncryptFinal_ex(context, rest, &written) == 1 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1;
    EVP_CIPHER_CTX_free(context);
    return status ? 0 : -1;
}

int copenssl_aes256gcm_open(const uint8_t *key, const uint8_t *nonce, const uint8_t *aad,
                            size_t aad_length, const uint8_t *sealed, size_t length,
                            const uint8_t *tag, uint8_t *out) {
    if (length > INT_MAX || aad_length > INT_MAX) return -1;
    pthread_once(&fetch_once, fetch);
    if (gcm_method == NULL) return -1;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    if (context == NULL) return -1;
    int written = 0;
    uint8_t rest[16];
    uint8_t expected[16];
    memcpy(expected, tag, sizeof(expected));
    int status =
        EVP_DecryptInit_ex2(context, gcm_method, key, nonce, NULL) == 1 &&
        (aad_length == 0 ||
         EVP_DecryptUpdate(context, NULL, &written, aad, (int)aad_length) == 1) &&
        (length == 0 || EVP_DecryptUpdate(context, out, &written, sealed, (int)length) == 1) &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, 16, expected) == 1 &&
        EVP_DecryptFinal_ex(context, rest, &written) == 1;
    EVP_CIPHER_CTX_free(context);
    if (!status && length > 0) OPENSSL_cleanse(out, length);
    return status ? 0 : -1;
}

int copenssl_equal(const uint8_t *a, const uint8_t *b, size_t length) {
    return CRYPTO_memcmp(a, b, length) == 0;
}

int copenssl_random(uint8_t *out, size_t length) {
    if (length > INT_MAX) return -1;
    return RAND_bytes(out, (int)length) == 1 ? 0 : -1;
}

void copenssl_cleanse(void *memory, size_t length) { OPENSSL_cleanse(memory, length); }
