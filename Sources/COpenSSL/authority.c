#include "copenssl_authority.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct copenssl_authority {
    X509 *certificate;
    EVP_PKEY *key;
};

static int add_extension(X509 *certificate, X509 *issuer, int kind, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    if (!extension) return 0;
    int added = X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return added;
}

static int set_serial(X509 *certificate)
{
    // RFC 5280 section 4.1.2.2: positive, at most twenty bytes.
    unsigned char bytes[16];
    if (RAND_bytes(bytes, sizeof bytes) != 1) return 0;
    bytes[0] &= 0x7f;
    bytes[0] |= 0x40;
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    if (!number) return 0;
    int is_set = BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return is_set;
}

// Everything but extensions and signature; NULL when there is no memory.
static X509 *begin(const char *name, EVP_PKEY *key, X509 *issuer, int64_t from, int64_t to)
{
    X509 *certificate = X509_new();
    if (!certificate) return NULL;
    X509_NAME *subject = X509_get_subject_name(certificate);
    int is_made = X509_set_version(certificate, 2) == 1 && set_serial(certificate) &&
                  ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)from) != NULL &&
                  ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)to) != NULL &&
                  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                             (const unsigned char *)name, -1, -1, 0) == 1 &&
                  X509_set_issuer_name(certificate, issuer ? X509_get_subject_name(issuer)
                                                           : subject) == 1 &&
                  X509_set_pubkey(certificate, key) == 1;
    if (is_made) return certificate;
    X509_free(certificate);
    return NULL;
}

copenssl_authority *copenssl_authority_create(
    const char *name, const char *constraints, int64_t from, int64_t to)
{
    copenssl_authority *authority = calloc(1, sizeof *authority);
    if (!authority) return NULL;
    authority->key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    if (authority->key) authority->certificate = begin(name, authority->key, NULL, from, to);
    X509 *own = authority->certificate;
    int is_made = own != NULL &&
                  add_extension(own, own, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
                  add_extension(own, own, NID_key_usage, "critical,keyCertSign,cRLSign") &&
                  add_extension(own, own, NID_subject_key_identifier, "hash") &&
                  add_extension(own, own, NID_name_constraints, constraints) &&
                  X509_sign(own, authority->key, EVP_sha256()) > 0;
    if (is_made) return authority;
    copenssl_authority_free(authority);
    return NULL;
}

void copenssl_authority_free(copenssl_authority *authority)
{
    X509_free(authority->certificate);
    EVP_PKEY_free(authority->key);
    free(authority);
}

// Copies what a memory BIO holds; its length, or -1.
static long taken(BIO *memory, uint8_t *out, size_t length)
{
    char *bytes = NULL;
    long count = BIO_get_mem_data(memory, &bytes);
    if (count < 0 || (size_t)count > length) return -1;
    memcpy(out, bytes, (size_t)count);
    return count;
}

long copenssl_authority_certificate(copenssl_authority *authority, uint8_t *out, size_t length)
{
    BIO *memory = BIO_new(BIO_s_mem());
    if (!memory) return -1;
    long count = -1;
    if (PEM_write_bio_X509(memory, authority->certificate) == 1) count = taken(memory, out, length);
    BIO_free(memory);
    return count;
}

int copenssl_authority_issue(
    copenssl_authority *authority, const char *name, int64_t from, int64_t to, uint8_t *chain,
    size_t *chain_length, uint8_t *key, size_t *key_length)
{
    char names[300];
    int written = snprintf(names, sizeof names, "DNS:%s", name);
    if (written < 0 || (size_t)written >= sizeof names) return -1;
    EVP_PKEY *own = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    // The subject says nothing: clients look at the alternative name (RFC 9525), and a common name
    // may have 64 letters only.
    X509 *issuer = authority->certificate;
    X509 *leaf = own ? begin("gatehouse", own, issuer, from, to) : NULL;
    BIO *chain_memory = BIO_new(BIO_s_mem());
    BIO *key_memory = BIO_new(BIO_s_secmem());
    long chain_count = -1;
    long key_count = -1;
    if (leaf && chain_memory && key_memory &&
        add_extension(leaf, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
        add_extension(leaf, issuer, NID_key_usage, "critical,digitalSignature") &&
        add_extension(leaf, issuer, NID_ext_key_usage, "serverAuth") &&
        add_extension(leaf, issuer, NID_authority_key_identifier, "keyid") &&
        add_extension(leaf, issuer, NID_subject_alt_name, names) &&
        X509_sign(leaf, authority->key, EVP_sha256()) > 0 &&
        PEM_write_bio_X509(chain_memory, leaf) == 1 &&
        PEM_write_bio_X509(chain_memory, issuer) == 1 &&
        PEM_write_bio_PrivateKey(key_memory, own, NULL, NULL, 0, NULL, NULL) == 1) {
        chain_count = taken(chain_memory, chain, *chain_length);
        key_count = taken(key_memory, key, *key_length);
    }
    BIO_free(chain_memory);
    BIO_free(key_memory);
    X509_free(leaf);
    EVP_PKEY_free(own);
    if (chain_count < 0 || key_count < 0) return -1;
    *chain_length = (size_t)chain_count;
    *key_length = (size_t)key_count;
    return 0;
}
