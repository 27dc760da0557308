/* SPDX-License-Identifier: Apache-2.0 */
/* Digests of some bytes: MD5 (RFC 1321), SHA-1 and SHA-2 (FIPS 180-4), by
 * libcrypto. Pure; threads: any. */
#ifndef COMMON_DIGEST_H
#define COMMON_DIGEST_H

#include "common/str.h"

enum {
    MD5_BYTES = 16,
    SHA1_BYTES = 20,
    SHA256_BYTES = 32,
    SHA512_BYTES = 64,
    DIGEST_MAX = SHA512_BYTES
};

void digest_md5(struct str in, unsigned char out[MD5_BYTES]);
void digest_sha1(struct str in, unsigned char out[SHA1_BYTES]);
void digest_sha256(struct str in, unsigned char out[SHA256_BYTES]);
void digest_sha512(struct str in, unsigned char out[SHA512_BYTES]);

#endif
