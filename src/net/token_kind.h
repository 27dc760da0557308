/* SPDX-License-Identifier: Apache-2.0 */
/* What a kind of credential implements, and what all kinds share. Private to
 * src/net/token*.c. */
#ifndef NET_TOKEN_KIND_H
#define NET_TOKEN_KIND_H

#include "net/retry.h"
#include "net/token.h"

struct token_kind {
    /* Gets a new token and calls token_deliver once, not before it returned.
     */
    void (*fetch)(void *self);
    /* Breaks a fetch off (no token_deliver after it) and frees `self`. */
    void (*free)(void *self);
};

/* `self` and the texts are taken (mem_free); `quota_project` may be NULL,
 * `universe` NULL is googleapis.com. */
struct token_source *token_source_new(struct loop *loop,
                                      const struct token_kind *kind, void *self,
                                      char *description, char *quota_project,
                                      char *universe);

/* The end of a fetch: RC_OK with the token and how long it is good for from
 * now, else a code and its sentence. */
void token_deliver(struct token_source *source, int rc, const struct err *err,
                   struct str bearer, int64_t life_us);

#endif
