/* SPDX-License-Identifier: Apache-2.0 */
/* Where access tokens come from. One interface over the kinds of Google's
 * Application Default Credentials; a NULL source means "no credentials", as
 * emulators want it.
 *
 * A source keeps its token and refreshes it ahead of expiry in the
 * background. Secrets never reach a log or an error text.
 * Threads: a source belongs to its loop. */
#ifndef NET_TOKEN_H
#define NET_TOKEN_H

#include "common/loop.h"
#include "common/rc.h"
#include "common/str.h"

struct token_source;

/* One question; embedded by its caller, kept alive until `done`, which fires
 * once, on the loop, never before token_get returned. */
struct token_get {
    void (*done)(struct token_get *get);
    /* out */
    int rc;
    struct err err;
    struct str bearer; /* valid during `done` only */
    /* private */
    struct token_source *source;
    struct token_get *next;
};

void token_get(struct token_source *source, struct token_get *get);
/* Forgets the question; `done` will not fire. */
void token_get_cancel(struct token_get *get);
/* The service answered 401 to this token: the next token_get fetches another
 * (once, however many report the same token). */
void token_refused(struct token_source *source, struct str bearer);
/* The project to bill, for x-goog-user-project; NULL: none. */
const char *token_quota_project(const struct token_source *source);
/* The universe that the credential belongs to; never NULL. */
const char *token_universe(const struct token_source *source);
/* What it is, for `datos doctor` and the log: "service account x@y (file)". */
const char *token_describe(const struct token_source *source);
void token_source_free(struct token_source *source); /* NULL is allowed */

#endif
