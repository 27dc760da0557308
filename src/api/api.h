/* SPDX-License-Identifier: Apache-2.0 */
/* The role `datos api`: REQUEST -> CACHE -> STORE -> RESPONSE.
 *
 * Threads: api_run blocks the calling (main) thread until SIGTERM or SIGINT
 * and returns the exit code; further loops run on threads of their own. */
#ifndef API_API_H
#define API_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/rc.h"
#include "common/str.h"

struct channel;
struct loop;
struct metrics;
struct schema;
struct settings;
struct store;

/* What a role that shares the API's process (`--with-ingest`) is given. All
 * is borrowed and outlives it. */
struct api_host {
    const struct settings *settings;
    struct loop *loop; /* the main one */
    const struct schema *schema;
    struct store *store;
    struct channel *channel; /* NULL: no Redis */
    struct metrics *metrics;
    /* struct writer_config's: this process's readers */
    void (*on_commit)(struct str notice, void *arg);
    void *on_commit_arg;
};

/* A message that Pub/Sub pushed. The guest's until `done`, on the main loop,
 * never before `push` returned. */
struct api_push_attribute {
    struct str key, value;
};
struct api_push {
    struct str id, data, ordering_key;
    struct api_push_attribute *attributes;
    size_t n_attributes;
    int64_t publish_us; /* 0: unknown */
    int delivery_attempt;
    bool ok; /* out: it needs no other delivery */
    void (*done)(struct api_push *push);
};

/* That role. `start` is called on the main thread before loops run; `stop` on
 * the main loop at the end, and calls `done` there when nothing is pending any
 * more (within 8 s); `free` after the loops have stopped. */
struct api_guest {
    int (*start)(const struct api_host *host, void **guest, struct err *err);
    /* DATOS_INGEST=push; on the main loop, not after `stop` */
    void (*push)(void *guest, struct api_push *push);
    void (*stop)(void *guest, void (*done)(void *arg), void *arg);
    void (*free)(void *guest);
};

struct api_options {
    int ready_fd;                  /* -1: none; see common/ready.h */
    const struct api_guest *guest; /* NULL: the API alone */
};

int api_run(const struct settings *settings, const struct api_options *options);
/* The API alone. */
int api_main(const struct settings *settings, int ready_fd);

#endif
