#include "copenssl_certificate.h"
#include "tls.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct copenssl_certificate {
    X509 *x509;
    GENERAL_NAMES *names;
};

// Takes `x509` over.
static copenssl_certificate *wrap(X509 *x509) {
    if (!x509) return NULL;
    copenssl_certificate *certificate = calloc(1, sizeof *certificate);
    if (!certificate) {
        X509_free(x509);
        return NULL;
    }
    certificate->x509 = x509;
    certificate->names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
    return certificate;
}

copenssl_certificate *copenssl_certificate_read(const uint8_t *pem, size_t length) {
    BIO *bio = length <= INT_MAX ? BIO_new_mem_buf(pem, (int)length) : NULL;
    if (!bio) return NULL;
    X509 *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    ERR_clear_error();
    return wrap(x509);
}

copenssl_certificate *copenssl_certificate_of_peer(copenssl_tls *session) {
    return wrap(SSL_get1_peer_certificate(session->ssl));
}

void copenssl_certificate_free(copenssl_certificate *certificate) {
    GENERAL_NAMES_free(certificate->names);
    X509_free(certificate->x509);
    free(certificate);
}

static int seconds(const ASN1_TIME *moment, int64_t *out) {
    struct tm parts;
    if (!moment || ASN1_TIME_to_tm(moment, &parts) != 1) return -1;
    *out = timegm(&parts);
    return 0;
}

int copenssl_certificate_times(copenssl_certificate *certificate, int64_t *from, int64_t *to) {
    return seconds(X509_get0_notBefore(certificate->x509), from) == 0 &&
                   seconds(X509_get0_notAfter(certificate->x509), to) == 0
               ? 0
               : -1;
}

int copenssl_certificate_digest(copenssl_certificate *certificate, uint8_t *out) {
    unsigned int length = 0;
    uint8_t digest[EVP_MAX_MD_SIZE];
    if (X509_digest(certificate->x509, EVP_sha256(), digest, &length) != 1 || length != 32)
        return -1;
    memcpy(out, digest, 32);
    return 0;
}

long copenssl_certificate_subject(copenssl_certificate *certificate, char *out, size_t length) {
    BIO *bio = BIO_new(BIO_s_mem());
    if (!bio) return -1;
    long count = -1;
    // Letters beyond ASCII stay escaped: what is compared is what can be typed.
    if (X509_NAME_print_ex(bio, X509_get_subject_name(certificate->x509), 0, XN_FLAG_RFC2253) >= 0) {
        char *text = NULL;
        long found = BIO_get_mem_data(bio, &text);
        if (found >= 0 && (size_t)found <= length) {
            if (found > 0) memcpy(out, text, (size_t)found);
            count = found;
        }
    }
    BIO_free(bio);
    return count;
}

static const ASN1_STRING *text_of(const GENERAL_NAME *name, int *kind) {
    switch (name->type) {
    case GEN_DNS: *kind = COPENSSL_NAME_DNS; return name->d.dNSName;
    case GEN_URI: *kind = COPENSSL_NAME_URI; return name->d.uniformResourceIdentifier;
    case GEN_EMAIL: *kind = COPENSSL_NAME_EMAIL; return name->d.rfc822Name;
    case GEN_IPADD: *kind = COPENSSL_NAME_ADDRESS; return name->d.iPAddress;
    default: *kind = COPENSSL_NAME_OTHER; return NULL;
    }
}

long copenssl_certificate_name(copenssl_certificate *certificate, size_t index, int *kind,
                               uint8_t *out, size_t length) {
    if (!certificate->names || index >= (size_t)sk_GENERAL_NAME_num(certificate->names)) return -1;
    const ASN1_STRING *text =
        text_of(sk_GENERAL_NAME_value(certificate->names, (int)index), kind);
    if (!text) return 0;
    size_t count = (size_t)ASN1_STRING_length(text);
    if (count > length) return -2;
    if (count > 0) memcpy(out, ASN1_STRING_get0_data(text), count);
    return (long)count;
}

int copenssl_certificate_is_for(copenssl_certificate *certificate, const char *name,
                                int is_address) {
    if (is_address) return X509_check_ip_asc(certificate->x509, name, 0) == 1;
    return X509_check_host(certificate->x509, name, 0,
                           X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                               X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
                           NULL) == 1;
}
