/* SPDX-License-Identifier: Apache-2.0 */
/* The process that runs transforms: asked over a socket, ended by whoever
 * started it, or by itself when a function runs for too long; nothing that a
 * script does reaches the emulator but its answers.
 *
 * A request is four bytes of length (of this machine's order) and fields in
 * protobuf's wire format; the answers to it are WORKER_READY or WORKER_BROKEN
 * (or WORKER_LATE) for its functions, then one for each message, in order. */
#ifndef EMULATOR_PUBSUB_TRANSFORM_WORKER_H
#define EMULATOR_PUBSUB_TRANSFORM_WORKER_H

#include <stdint.h>

/* The program's first argument that makes it this process. */
#define TRANSFORM_WORKER "transform-worker"

enum {
    WORKER_FD = 3,         /* its end of the socket */
    WORKER_LIMIT_MS = 500, /* of processor time, each function, each message */
    WORKER_STEPS_MAX = 5,
    WORKER_REQUEST_MAX = 64 << 20
};

/* Fields of a request. */
enum {
    WORKER_CHAIN = 1,  /* which functions: the same number, the same ones */
    WORKER_STEP = 2,   /* one after the other; JavaScriptUDF's fields */
    WORKER_MESSAGE = 3 /* 1 PubsubMessage, 2 id, 3 publish time in us */
};

enum worker_said {
    WORKER_READY = 'r',
    WORKER_BROKEN = 'b', /* text; the code cannot be run */
    WORKER_NEWER = 'n',  /* text; no JavaScript that the engine knows */
    WORKER_KEPT = 'k',   /* message */
    WORKER_DROPPED = 'd',
    WORKER_FAILED = 'f', /* text */
    WORKER_LATE = 'l'    /* stopped; the process ends */
};

/* One of worker_said, how long it took (wall time), how many bytes follow. */
struct worker_answer {
    uint32_t said;
    uint32_t took_us;
    uint32_t len;
};

/* Serves until the socket's other end is closed. Returns an exit code. */
int transform_worker_run(int fd);

#endif
