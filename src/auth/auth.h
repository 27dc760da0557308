/* SPDX-License-Identifier: Apache-2.0 */
/* Who may: checks the bearer token of a request (RFC 6750) against one
 * issuer's keys, which are fetched, kept and renewed.
 *
 * Threads: opened, closed and fetched for on the main loop; checks from any
 * loop, answered there. */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include "auth/jwt.h"
#include "common/loop.h"
#include "common/rc.h"

struct auth;

struct auth_config {
    const char *what;     /* prefix of the settings' names, for errors */
    const char *keys_url; /* https, http on loopback, or file:///PATH */
    struct jwt_expected expected;
};

/* Copies. RC_INVALID names the setting. Begins to fetch; a source that does
 * not answer is no error of the start. */
RC_MUST_USE int auth_open(struct loop *loop, const struct auth_config *config,
                          struct auth **out, struct err *err);
/* The loops have stopped; who waits is forgotten. NULL is allowed. */
void auth_close(struct auth *auth);

enum auth_verdict {
    AUTH_OK,
    AUTH_MISSING,    /* 401: no bearer token */
    AUTH_INVALID,    /* 401: one that does not hold */
    AUTH_FORBIDDEN,  /* 403: of somebody else */
    AUTH_UNAVAILABLE /* 503: the keys cannot be had */
};

/* One check of an Authorization field. Embedded by the caller and alive until
 * `done`, which comes on its loop, never before the call returned. */
struct auth_check {
    void (*done)(struct auth_check *check);
    struct str field; /* borrowed until done; p NULL: absent */
    /* out */
    enum auth_verdict verdict;
    const char *why; /* a constant sentence's end: "it has expired" */
    /* private */
    struct loop *loop;
    struct loop_task task;
    struct auth_check *next;
    int64_t since_us;
};

/* With the keys that are here: false if they must be fetched first; then
 * auth_wait. */
bool auth_check_now(struct auth *auth, struct auth_check *check);
void auth_wait(struct auth *auth, struct loop *loop, struct auth_check *check);

#endif
