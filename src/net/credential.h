/* SPDX-License-Identifier: Apache-2.0 */
/* A credential file while it is read, and the kinds that can be in it.
 * Private to src/net. */
#ifndef NET_CREDENTIAL_H
#define NET_CREDENTIAL_H

#include <jansson.h>

#include "net/credentials.h"
#include "net/token_kind.h"

struct credential {
    struct loop *loop;
    const json_t *json;
    const char *name; /* of the file */
};

/* A member that is a non-empty string, or NULL. */
const char *credential_text(const json_t *json, const char *key);
/* The same, RC_INVALID that names file and member if it is missing. */
RC_MUST_USE int credential_need(const struct credential *c, const char *key,
                                const char **out, struct err *err);
/* A URL; `fallback` if the member is missing (NULL: it must be there).
 * RC_INVALID unless https or loopback. */
RC_MUST_USE int credential_url(const struct credential *c, const json_t *json,
                               const char *key, const char *fallback,
                               const char **out, struct err *err);
/* Wraps a kind: quota project, universe, description. */
struct token_source *credential_source(const struct credential *c,
                                       const struct token_kind *kind,
                                       void *self, char *description);

/* One function a kind. */
int token_service_account(const struct credential *c, struct token_source **out,
                          struct err *err);
int token_authorized_user(const struct credential *c, struct token_source **out,
                          struct err *err);
int token_external_account(const struct credential *c,
                           struct token_source **out, struct err *err);
int token_impersonated(const struct credential *c, struct token_source **out,
                       struct err *err);
int token_metadata(struct loop *loop, struct token_source **out,
                   struct err *err);

/* Exchanges the tokens of `base` (owned from now on) for those of the account
 * that `url` (generateAccessToken) names. `delegates` may be NULL. */
struct token_source *token_impersonate(const struct credential *c,
                                       struct token_source *base,
                                       const char *url, const json_t *delegates,
                                       int64_t lifetime_s);

#endif
