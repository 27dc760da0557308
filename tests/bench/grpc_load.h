/* SPDX-License-Identifier: Apache-2.0 */
/* A gRPC client for measuring servers: one connection, many calls, as little
 * work of its own as it can do. For the bench only: any failure ends it. */
#ifndef BENCH_GRPC_LOAD_H
#define BENCH_GRPC_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct load;
struct load_call;

/* Connects; `arg` is the callbacks'. */
struct load *load_connect(const char *host, int port);
void load_close(struct load *l);

/* A unary call: `request` is copied. `done` gets the message's bytes. */
void load_call(struct load *l, const char *path, const void *request,
               size_t len,
               void (*done)(void *arg, const uint8_t *bytes, size_t len),
               void *arg);
/* A stream: `on_message` for each message; more can be sent with load_send. */
struct load_call *
load_stream(struct load *l, const char *path, const void *request, size_t len,
            void (*on_message)(void *arg, const uint8_t *bytes, size_t len),
            void *arg);
/* Sends what waits and reads what is there, waiting at most `ms`. */
void load_turn(struct load *l, int ms);
/* Waits at most `ms` until one of `n` has something to read. */
void load_wait(struct load *const *ls, unsigned n, int ms);
unsigned load_n_open(const struct load *l); /* unary calls under way */

int64_t load_now_ns(void);
void load_fail(const char *what) __attribute__((noreturn));

/* Protocol buffers: appends a field to `out`, returns the byte behind. */
uint8_t *load_put_bytes(uint8_t *out, unsigned number, const void *bytes,
                        size_t len);
uint8_t *load_put_uint(uint8_t *out, unsigned number, uint64_t value);
/* Next field of `*p`: its number, and for bytes `*value`/`*len`. 0: the end. */
unsigned load_next(const uint8_t **p, const uint8_t *end, const uint8_t **value,
                   size_t *len);

#endif
