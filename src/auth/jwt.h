/* SPDX-License-Identifier: Apache-2.0 */
/* A signed token in compact form (RFC 7515), taken apart and nothing believed
 * yet. Pure; threads: any. */
#ifndef AUTH_JWT_H
#define AUTH_JWT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/str.h"

enum {
    JWT_TOKEN_MAX = 8192,
    JWT_PART_MAX = JWT_TOKEN_MAX / 4 * 3 + 3,
    JWT_TEXT_MAX = 512 /* a claim that we compare */
};

enum jwt_algorithm {
    JWT_RS256,
    JWT_ES256
};

/* What the header says. Keys that it brings along (jwk, jku, x5c, x5u) are
 * never looked at. */
struct jwt {
    enum jwt_algorithm algorithm;
    bool has_kid;
    char kid[JWT_TEXT_MAX];
    struct str signed_text; /* of the token: header, dot, payload */
    unsigned char signature[JWT_PART_MAX];
    size_t signature_len;
    char payload[JWT_PART_MAX]; /* JSON */
    size_t payload_len;
};

/* False with a constant in `*why`: not such a token, or of another algorithm
 * (none and HS256 too), or with `crit`. Borrows `token`. */
bool jwt_parse(struct str token, struct jwt *out, const char **why);

struct jwt_expected {
    const char *issuer;
    const char *audience;
    const char *email; /* NULL: not asked for; else verified too */
};

enum jwt_verdict {
    JWT_GOOD,
    JWT_BAD,     /* not valid: malformed, expired, of others */
    JWT_STRANGER /* valid, but of another account */
};

/* Of a token whose signature holds. `exp` is required and not extended; `nbf`
 * and `iat` may be a little ahead. */
enum jwt_verdict jwt_check_claims(struct str payload,
                                  const struct jwt_expected *expected,
                                  int64_t now_s, const char **why);

#endif
