/* SPDX-License-Identifier: Apache-2.0 */
/* How often deliveries of a message failed, over restarts: what an earlier
 * life of the subscription counted, until the message is out again, and what
 * this one counts, until it is written. Only those that failed are in it.
 * Bytes are pairs of varints: a sequence number, its failures; later pairs
 * count. Pure. Threads: one at a time. */
#ifndef EMULATOR_PUBSUB_ATTEMPTS_H
#define EMULATOR_PUBSUB_ATTEMPTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/rc.h"

struct ackset;

struct attempts {
    bool is_kept;   /* there is somebody who writes `log` */
    struct buf log; /* counted and not written yet */
    /* by number, of an earlier life; fails 0: taken */
    struct attempts_row {
        uint64_t seq;
        uint16_t fails;
    } * rows;
    size_t n, cap;
    size_t n_left; /* of `rows`, not taken */
};

void attempts_init(struct attempts *a);
void attempts_fini(struct attempts *a);

static inline bool attempts_is_empty(const struct attempts *a)
{
    return a->log.len == 0;
}
/* Counts one in `log`. */
void attempts_note(struct attempts *a, uint64_t seq, uint16_t fails);
/* Appends a pair to bytes that will be written. */
void attempts_put(struct buf *out, uint64_t seq, uint16_t fails);

/* Adds an earlier life's bytes; attempts_loaded follows the last.
 * RC_MALFORMED: they are none. */
RC_MUST_USE int attempts_load(struct attempts *a, struct str bytes);
/* Drops those that are done. */
void attempts_loaded(struct attempts *a, const struct ackset *done);
/* What an earlier life counted, once; 0: nothing. */
uint16_t attempts_take(struct attempts *a, uint64_t seq);
/* Appends what was loaded and is neither taken nor done. */
void attempts_put_rest(const struct attempts *a, const struct ackset *done,
                       struct buf *out);
/* None failed yet, as far as anybody knows. */
void attempts_clear(struct attempts *a);

#endif
