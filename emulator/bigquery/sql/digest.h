/* SPDX-License-Identifier: Apache-2.0 */
/* The hash functions of GoogleSQL. Our own: OpenSSL costs this program
 * milliseconds at start and none of these guards a secret. Pure. */
#ifndef EMULATOR_BIGQUERY_SQL_DIGEST_H
#define EMULATOR_BIGQUERY_SQL_DIGEST_H

#include "common/str.h"

enum {
    DIGEST_MAX = 64
};

/* Write 16, 20, 32, 64 bytes. */
void digest_md5(struct str s, unsigned char *out);
void digest_sha1(struct str s, unsigned char *out);
void digest_sha256(struct str s, unsigned char *out);
void digest_sha512(struct str s, unsigned char *out);
/* FarmHash's Fingerprint64. */
uint64_t digest_farm(struct str s);

#endif
