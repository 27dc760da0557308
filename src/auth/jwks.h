/* SPDX-License-Identifier: Apache-2.0 */
/* A set of public keys (RFC 7517): RSA of 2,048 bits or more, and P-256.
 * Immutable and counted. Threads: any. */
#ifndef AUTH_JWKS_H
#define AUTH_JWKS_H

#include <stddef.h>

#include "auth/jwt.h"
#include "common/rc.h"

struct jwks;

/* Keys of other kinds or uses are passed over. RC_INVALID with one line if
 * the text is no key set or holds no key that we can use. */
RC_MUST_USE int jwks_parse(struct str json, struct jwks **out, struct err *err);
struct jwks *jwks_ref(struct jwks *set);
void jwks_unref(struct jwks *set); /* NULL is allowed */
size_t jwks_count(const struct jwks *set);

enum jwks_result {
    JWKS_GOOD,
    JWKS_BAD,    /* a key that may be the one does not fit the signature */
    JWKS_UNKNOWN /* no such key: the set may be out of date */
};
/* Only a key of the algorithm's own type is tried, and with a key id only
 * that one. */
enum jwks_result jwks_verify(const struct jwks *set, const struct jwt *jwt);

#endif
