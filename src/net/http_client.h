/* SPDX-License-Identifier: Apache-2.0 */
/* Outgoing HTTP: libcurl's multi interface on the event loop. One request in,
 * one callback out.
 *
 * Connections are kept and reused, HTTP/2 over TLS where the server has it.
 * No redirects, no proxy for plain http, no signals. libcurl itself is
 * mapped and initialised at the first call.
 * Threads: a client belongs to its loop. */
#ifndef NET_HTTP_CLIENT_H
#define NET_HTTP_CLIENT_H

#include "common/buf.h"
#include "common/loop.h"
#include "common/rc.h"
#include "common/str.h"

struct http_client;

/* `connections`: most to one host, and most kept idle. */
struct http_client *http_client_new(struct loop *loop, unsigned connections);
/* Calls in flight get their `done` with RC_CANCELLED first. */
void http_client_free(struct http_client *client);

struct http_call_field {
    const char *name;
    const char *value; /* NULL: left out, also where one comes by itself */
};

enum {
    HTTP_CALL_FIELDS = 8
};

/* One request. Embedded by its caller, who zeroes it, fills the first part
 * and keeps it (and what it points to) alive until `done`, which fires exactly
 * once, on the loop, never before http_call_start returned. It may be used
 * again after that. */
struct http_call {
    /* in */
    const char *method; /* GET, POST, ... */
    const char *url;
    struct http_call_field fields[HTTP_CALL_FIELDS];
    size_t n_fields;
    const struct http_call_field *more; /* fields beyond those; borrowed */
    size_t n_more;
    struct str body;        /* p == NULL: none */
    bool insecure;          /* take any certificate */
    bool ends_at_102;       /* "102 Processing" is the answer: nothing after it
                             * is waited for */
    bool gzip;              /* compress the body, ask for a compressed reply */
    size_t max_response;    /* bytes after decompression; else RC_TOO_LARGE */
    int64_t connect_us;     /* 0: 10 s */
    int64_t first_byte_us;  /* silence after start; 0: only the total */
    int64_t total_us;       /* 0: 60 s */
    const char *want_field; /* NULL, or the reply field to keep */
    /* PEM files for mutual TLS; NULL: none */
    const char *client_cert, *client_key;
    /* NULL, or gets a 2xx answer's body as it comes: `response` stays empty */
    void (*on_data)(struct http_call *call, struct str bytes);
    void (*done)(struct http_call *call);

    /* out */
    int rc; /* RC_OK: an answer came, whatever its status. RC_TIMEOUT,
             * RC_UNAVAILABLE (no connection, broken off), RC_TOO_LARGE,
             * RC_CANCELLED, RC_NOMEM, RC_UNSUPPORTED (no libcurl) */
    struct err err;
    int status;
    int64_t retry_after_us; /* 0: the server said nothing */
    char field[128];        /* want_field's value, cut; empty: absent */
    struct buf response;    /* http_call_fini, or buf_take, after `done` */

    /* private */
    struct http_client *client;
    struct http_call *next, *prev;
    struct http_io *io;
};

void http_call_start(struct http_client *client, struct http_call *call);
/* `done` comes soon with RC_CANCELLED; nothing if it came already. */
void http_call_cancel(struct http_call *call);
bool http_call_is_active(const struct http_call *call);
/* Frees the response; the call may be started again. */
void http_call_fini(struct http_call *call);

#endif
