// OpenSSL 3 behind small calls: digests, signatures and sealing here, TLS in its own header.
//
// Every function that can fail returns 0 (or a length, or 1 for "yes") on success and -1 when
// OpenSSL refused; no OpenSSL type and no OpenSSL header leaves this target.
#pragma once

#include "copenssl_authority.h"
#include "copenssl_crypto.h"
#include "copenssl_certificate.h"
#include "copenssl_tls.h"
