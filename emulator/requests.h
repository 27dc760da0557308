/* SPDX-License-Identifier: Apache-2.0 */
/* The last requests with outcome and time: a ring that GET
 * /_emulator/requests shows and ?follow streams. Calls served through rpc.h
 * are noted by rpc.c. Threads: loop-confined. */
#ifndef EMULATOR_REQUESTS_H
#define EMULATOR_REQUESTS_H

#include <stdint.h>

#include "common/str.h"

struct buf;
struct requests;

enum {
    REQUESTS_RING = 1000
};

struct request_note {
    struct str service;    /* "pubsub" */
    struct str method;     /* RPC's full name, or "tabledata.insertAll" */
    struct str resource;   /* "projects/p/topics/t"; cut at 160 bytes */
    const char *transport; /* "grpc" or "rest"; a constant */
    int status;            /* google.rpc.Code */
    int http_status;       /* 0 for gRPC */
    int64_t start_us;      /* monotonic: the duration is up to now */
    uint64_t n;            /* messages, rows or ids in it; 0: not told */
    const char *fault;     /* name of the fault applied, or NULL; a constant */
};

/* Told of each note as it comes; embedded by its owner. */
struct requests_watch {
    void (*noted)(struct requests_watch *watch, struct str json_line);
    struct requests_watch *next;
};

struct vclock;
struct requests *requests_new(struct vclock *clock);
void requests_free(struct requests *r);

/* Copies. Formats nothing unless someone watches. */
void requests_add(struct requests *r, const struct request_note *note);
uint64_t requests_total(const struct requests *r);

/* {"requests":[...]}, the newest last, at most `limit`. */
void requests_render_json(const struct requests *r, size_t limit,
                          struct buf *out);
void requests_clear(struct requests *r);
void requests_watch(struct requests *r, struct requests_watch *watch);
void requests_unwatch(struct requests *r, struct requests_watch *watch);

#endif
