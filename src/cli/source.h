/* SPDX-License-Identifier: Apache-2.0 */
/* Where `datos publish` has its messages from: flags, JSON lines, or a
 * generator. Threads: one. */
#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/buf.h"
#include "common/rc.h"

/* Pub/Sub's own limit of a message's data. */
#define SOURCE_MAX_BYTES (10 * 1024 * 1024)

struct source {
    const char *id, *contenido, *timestamp; /* one message, if `id` */
    int64_t count;                          /* generated; -1: none */
    FILE *lines;                            /* NDJSON; NULL: none */
    /* private */
    int64_t n;
    char prefix[24]; /* of generated ids: no two runs share one */
};

/* Total, or -1 while nobody knows. */
int64_t source_total(const struct source *s);
/* The next message's data into `out` (emptied first; its limit is
 * SOURCE_MAX_BYTES). RC_NOT_FOUND at the
 * end; RC_TOO_LARGE, RC_IO with a sentence. `now_us`: wall time. */
RC_MUST_USE int source_next(struct source *s, int64_t now_us, struct buf *out,
                            struct err *err);

#endif
