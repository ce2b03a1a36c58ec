// What the files of this target share; no other target sees it.
#pragma once

#include "copenssl_tls.h"

#include <openssl/ssl.h>

struct copenssl_tls_context {
    // A client's only one; a server's first, which also chooses among the others by name.
    SSL_CTX *ssl;
    int has_identity;
    SSL_CTX **others;
    size_t other_count;
};

struct copenssl_tls {
    SSL *ssl;
    BIO *in;
    BIO *out;
    int offers_http2;
};

// The names of ALPN, HTTP/2 first; without it the list begins after its name.
extern const unsigned char copenssl_tls_protocols[];
enum { COPENSSL_TLS_HTTP2_LENGTH = 3, COPENSSL_TLS_PROTOCOLS_LENGTH = 12 };

// The settings every context of ours begins with; NULL without memory.
SSL_CTX *copenssl_tls_new_ssl_context(const SSL_METHOD *method);
