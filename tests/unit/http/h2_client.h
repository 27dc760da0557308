/* SPDX-License-Identifier: Apache-2.0 */
/* A blocking HTTP/2 client for the tests, on nghttp2's client half. One a
 * test: `h` is the server it talks to, `c` the client. */
#ifndef TEST_HTTP_H2_CLIENT_H
#define TEST_HTTP_H2_CLIENT_H

#include <nghttp2/nghttp2.h>

#include "harness.h"

enum {
    MAX_STREAMS = 1200
};

struct stream {
    int status; /* the last :status */
    int informational;
    bool ended, closed, has_trailer;
    uint32_t error;
    size_t got;
    char data[64];  /* its first bytes */
    size_t to_send; /* of the request's body */
};

struct client {
    nghttp2_session *session;
    int fd;
    bool broken; /* the peer closed */
    bool goaway;
    int32_t last_stream_id;
    uint32_t goaway_error;
    int pings;
    int n_closed;
    struct stream streams[MAX_STREAMS]; /* by (id - 1) / 2 */
};

extern struct harness *h;
extern struct client *c;

/* Without `auto_window` it never gives window back. */
struct client *client_new(bool auto_window);
void client_free(void);
struct stream *stream_of(int32_t id);
/* Sends what waits and takes what comes within `ms`. */
void turn(int ms);
/* Turns until `*flag`, 5 s passed or the peer closed. */
void run_until(const bool *flag);
void run_for(int64_t us);
/* A request with `body` bytes of body; returns the stream's id. */
int32_t ask(const char *method, const char *path, size_t body);
int32_t ask_with(const char *method, const char *path, size_t body,
                 const char *name, const char *value);
/* Asks and waits for the stream's end. */
struct stream *talk(const char *method, const char *path, size_t body);
/* A POST whose body never comes. */
struct stream *ask_stalled(const char *path);

#endif
