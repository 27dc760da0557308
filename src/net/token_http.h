/* SPDX-License-Identifier: Apache-2.0 */
/* One exchange with a token server, and the reading of what it answers.
 * Private to src/net/token*.c. Threads: belongs to its loop. */
#ifndef NET_TOKEN_HTTP_H
#define NET_TOKEN_HTTP_H

#include "net/http_client.h"

struct token_http {
    struct http_client *client;
    struct http_call call;
    struct buf body;
    char *authorization; /* of the request under way */
    /* rc RC_OK: a 2xx answer stands in call.response. Otherwise `err` says
     * what went wrong. */
    void (*done)(struct token_http *t, int rc);
    struct err err;
    void *owner;
};

void token_http_init(struct token_http *t, struct loop *loop, void *owner,
                     void (*done)(struct token_http *t, int rc));
/* Breaks off what is under way (no `done` after it) and wipes secrets. */
void token_http_fini(struct token_http *t);

/* The fields of `call` may be filled before. `url` is borrowed until done. */
void token_http_get(struct token_http *t, const char *url);
void token_http_put(struct token_http *t, const char *url); /* no body */
/* Posts t->body; `authorization` ("Bearer ...") may be NULL. */
void token_http_post(struct token_http *t, const char *url,
                     const char *content_type, const char *authorization);

/* name=value of a form, percent-encoded; a NULL value adds nothing. */
void token_form_add(struct buf *body, const char *name, const char *value);
#define TOKEN_FORM "application/x-www-form-urlencoded"

/* {"access_token":...,"expires_in":...} of OAuth, or {"accessToken":...,
 * "expireTime":...} of IAM credentials. `*bearer` is owned by the caller.
 * RC_MALFORMED. `now_us`: wall time. */
RC_MUST_USE int token_answer_parse(struct str body, int64_t now_us,
                                   char **bearer, int64_t *life_us,
                                   struct err *err);
/* Overwrites, then frees; NULL is allowed. */
void token_forget(char *secret);

#endif
