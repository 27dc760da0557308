/* SPDX-License-Identifier: Apache-2.0 */
/* What a push request carries: Pub/Sub's envelope, or (no wrapper) the
 * message's data itself. Pure; threads: any. */
#ifndef API_PUSH_BODY_H
#define API_PUSH_BODY_H

#include "api/api.h"

/* Owns what `push` points to. */
struct push_body {
    struct api_push push;
    struct str subscription; /* p NULL: not told */
    void *json;
    char *data;
};

/* RC_OK; or RC_MALFORMED with a constant sentence in `*why`: an envelope that
 * cannot be one of Pub/Sub's. Copies what it keeps of `body`. */
RC_MUST_USE int push_body_parse(struct str body, struct push_body *out,
                                const char **why);
void push_body_fini(struct push_body *b);

#endif
