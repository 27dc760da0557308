/* SPDX-License-Identifier: Apache-2.0 */
/* One client for Google's REST services: endpoint, token, request, and the
 * answer's status turned into a result code and one sentence.
 *
 * A 401 causes one refresh of the token and one repeat; all other repeats are
 * the caller's (net/retry.h).
 * Threads: belongs to its loop. */
#ifndef NET_GOOGLE_H
#define NET_GOOGLE_H

#include "net/endpoint.h"
#include "net/http_client.h"
#include "net/token.h"

struct google;

/* `endpoint` is copied, `tokens` is borrowed (NULL: none). */
struct google *google_new(struct loop *loop, const struct endpoint *endpoint,
                          struct token_source *tokens, unsigned connections);
/* The same on the machine's own: an emulator's address (`variable` is the
 * setting that names it, for errors), or the real service with Application
 * Default Credentials. `*tokens` (NULL: an emulator) is to be freed after the
 * client; on failure nothing is open. Asks no server yet. */
RC_MUST_USE int google_open(struct loop *loop, const char *service,
                            const char *emulator, const char *variable,
                            unsigned connections, struct token_source **tokens,
                            struct google **out, struct err *err);
/* Calls in flight get their `done` with RC_CANCELLED first. */
void google_free(struct google *google);
const struct endpoint *google_endpoint(const struct google *google);

/* Embedded by its caller, zeroed, kept alive until `done`; may then be used
 * again. */
struct google_call {
    /* in */
    const char *method;
    const char *path;         /* from the slash on, with its query */
    struct str body;          /* JSON; p == NULL: none */
    const char *content_type; /* NULL: application/json */
    const char *params;       /* x-goog-request-params, NULL: none */
    size_t max_response;      /* 0: 1 MiB */
    int64_t first_byte_us;
    int64_t total_us; /* 0: 60 s */
    void (*done)(struct google_call *call);

    /* out */
    int rc; /* RC_OK for 2xx; RC_INVALID 400, RC_DENIED 401 403, RC_NOT_FOUND,
             * RC_EXISTS 409, RC_TOO_LARGE 413, RC_BUSY 429, RC_UNAVAILABLE
             * 5xx, or the transport's */
    struct err err;        /* the service's own sentence where it gave one */
    struct http_call http; /* status, retry_after_us, response */

    /* private */
    struct google *google;
    struct token_get token;
    struct google_call *next, *prev;
    char *url;
    char *authorization;
    bool waits_for_token, is_cancelled;
    bool repeated;
};

void google_start(struct google *google, struct google_call *call);
void google_cancel(struct google_call *call); /* `done` comes: RC_CANCELLED */
bool google_is_active(const struct google_call *call);
void google_call_fini(struct google_call *call); /* frees the response */

#endif
