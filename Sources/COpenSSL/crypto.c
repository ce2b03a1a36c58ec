#include "copenssl_crypto.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <string.h>

// Fetching an algorithm walks the provider tables and costs more than hashing a record, so it is
// done once; the fetched method is immutable and shared by all threads.
static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256_method;
static EVP_CIPHER *gcm_method;
static pthread_key_t context_key;

static void free_context(void *context) { EVP_MD_CTX_free(context); }

static void fetch(void) {
    sha256_method = EVP_MD_fetch(NULL, "SHA256", NULL);
    gcm_method = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    if (pthread_key_create(&context_key, free_context) != 0) sha256_method = NULL;
}

// The digest context of this thread, made on first use and freed with the thread.
static EVP_MD_CTX *thread_context(void) {
    static _Thread_local EVP_MD_CTX *cached;
    if (cached != NULL) return cached;
    pthread_once(&fetch_once, fetch);
    if (sha256_method == NULL) return NULL;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context == NULL) return NULL;
    if (pthread_setspecific(context_key, context) != 0) {
        EVP_MD_CTX_free(context);
        return NULL;
    }
    cached = context;
    return context;
}

int copenssl_sha256(int has_first, uint8_t first, const uint8_t *a, size_t a_length,
                    const uint8_t *b, size_t b_length, uint8_t *out) {
    EVP_MD_CTX *context = thread_context();
    if (context == NULL) return -1;
    if (EVP_DigestInit_ex2(context, sha256_method, NULL) != 1) return -1;
    if (has_first && EVP_DigestUpdate(context, &first, 1) != 1) return -1;
    if (a_length > 0 && EVP_DigestUpdate(context, a, a_length) != 1) return -1;
    if (b_length > 0 && EVP_DigestUpdate(context, b, b_length) != 1) return -1;
    return EVP_DigestFinal_ex(context, out, NULL) == 1 ? 0 : -1;
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
