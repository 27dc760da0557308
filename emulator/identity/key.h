/* SPDX-License-Identifier: Apache-2.0 */
/* An RSA key of 2,048 bits as PEM, and its public half as a JSON Web Key.
 * OpenSSL stays in key.c. Pure; threads: any. */
#ifndef EMULATOR_IDENTITY_KEY_H
#define EMULATOR_IDENTITY_KEY_H

#include <stdint.h>

#include "common/rc.h"
#include "common/str.h"

enum {
    KEY_ID_LEN = 40
};

struct key_public {
    char id[KEY_ID_LEN + 1]; /* of its RFC 7638 thumbprint, in hex */
    char *n, *e;             /* base64url without padding; owned */
};

/* Makes one: 0.1 s of work. Caller owns `*pem`. RC_INTERNAL, RC_UNSUPPORTED (no
 * libcrypto). */
RC_MUST_USE int key_make(char **pem, struct err *err);
/* RC_INVALID: no private RSA key. RC_UNSUPPORTED. */
RC_MUST_USE int key_read_public(struct str pem, struct key_public *out,
                                struct err *err);
/* The public half as a certificate that it signed itself, good from a day ago
 * for ten years, for libraries that read nothing else. `now_s`: wall time.
 * Caller owns `*pem`. RC_INVALID, RC_INTERNAL. */
RC_MUST_USE int key_certificate(struct str pem, int64_t now_s, char **out,
                                struct err *err);
void key_public_fini(struct key_public *key);

#endif
