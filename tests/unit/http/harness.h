/* SPDX-License-Identifier: Apache-2.0 */
/* A real server on real sockets for the tests: N loops in threads of their
 * own, an application with a route for each behaviour, and a blocking client.
 *
 * Routes: /hello prepared; /echo the body; /head-403 and /head-401-body
 * answered in on_head; /later after 20 ms; /never; /abort; /stream?bytes=N
 * streamed with back-pressure; /trailers; /sink counts a streamed body;
 * /slow-sink pauses its sender for 1 ms each time; /mirror streams back what
 * it gets; /304; /fields repeats what http_req_* say. */
#ifndef TEST_HTTP_HARNESS_H
#define TEST_HTTP_HARNESS_H

#include <stdatomic.h>

#include "http/http.h"

struct harness;

struct harness_stats {
    atomic_int heads;      /* on_head calls */
    atomic_int closes;     /* on_close calls */
    atomic_int unanswered; /* ... with status 0 */
    atomic_int ends;
    atomic_llong sunk; /* bytes that /sink and /slow-sink saw */
    atomic_int drained;
};

/* `limits` NULL: the defaults. */
struct harness *harness_start(unsigned n_loops,
                              const struct http_limits *limits);
/* Stops; asserts that each on_head had its on_close. */
void harness_stop(struct harness *h);
uint16_t harness_port(const struct harness *h);
struct harness_stats *harness_stats(struct harness *h);
/* Drains all loops; returns at once. */
void harness_drain(struct harness *h, int64_t grace_us);
/* Waits up to 5 s until *what is at least n. */
void harness_wait(atomic_int *what, int n);

int client_connect(const struct harness *h);
void client_send(int fd, const char *text);
void client_send_bytes(int fd, const void *p, size_t len);
/* All bytes until `len` are here or the peer closes; NUL-ended, to be freed.
 * `*got` may be NULL. */
char *client_read(int fd, size_t len, size_t *got);
/* Sends, half-closes, reads to the end, closes. To be freed. */
char *client_talk(const struct harness *h, const char *text);
/* Reads one head (to the blank line). To be freed. */
char *client_read_head(int fd);
/* True if the peer closes (or resets) within 5 s, without more bytes. */
bool client_sees_close(int fd);

#endif
