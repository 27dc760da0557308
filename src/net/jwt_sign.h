/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Web Tokens signed with RS256 (RFC 7515, RFC 7518 section 3.3).
 * Pure; threads: any. */
#ifndef NET_JWT_SIGN_H
#define NET_JWT_SIGN_H

#include "common/rc.h"
#include "common/str.h"

/* A private RSA key. */
struct jwt_key;
/* RC_INVALID if it is no unencrypted PEM of an RSA key of 2,048 bits or more.
 * RC_UNSUPPORTED: there is no libcrypto. */
RC_MUST_USE int jwt_key_parse(struct str pem, struct jwt_key **out,
                              struct err *err);
void jwt_key_free(struct jwt_key *key);

/* `claims`: a JSON object. `key_id` NULL: none. Caller owns `*out`. */
RC_MUST_USE int jwt_sign(const struct jwt_key *key, const char *key_id,
                         struct str claims, char **out, struct err *err);

#endif
