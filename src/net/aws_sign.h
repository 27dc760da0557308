/* SPDX-License-Identifier: Apache-2.0 */
/* AWS' Signature Version 4, as far as an external account needs it: a signed
 * GetCallerIdentity that Google's token service sends for us, as a proof of
 * who we are at AWS. Pure; threads: any. Private to src/net. */
#ifndef NET_AWS_SIGN_H
#define NET_AWS_SIGN_H

#include <stdint.h>

#include "common/rc.h"

struct aws_keys {
    const char *id, *secret;
    const char *token; /* of a session; NULL: none */
};

/* The Authorization value of a POST without a body to `url` (https, region in
 * place), with the headers host, x-amz-date, x-amz-security-token (where there
 * is a token) and x-goog-cloud-target-resource (unless `target` is NULL).
 * `date`: 20250114T100000Z. Caller owns `*out`. */
RC_MUST_USE int aws_sign(const struct aws_keys *keys, const char *region,
                         const char *url, const char *target, const char *date,
                         char **out, struct err *err);

/* The subject token: the request above as percent-encoded JSON. `now_us`: wall
 * time. Caller owns `*out`. */
RC_MUST_USE int aws_subject(const struct aws_keys *keys, const char *region,
                            const char *url, const char *target, int64_t now_us,
                            char **out, struct err *err);

#endif
