/* SPDX-License-Identifier: Apache-2.0 */
/* What changed in a holder's ackset since it was last written: runs of numbers
 * that are done, or wanted again, in the order it happened. Acknowledging a
 * thousand messages in a row is one run of a few bytes.
 * Pure. Owns its bytes. Threads: one at a time. */
#ifndef EMULATOR_PUBSUB_JOURNAL_H
#define EMULATOR_PUBSUB_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/rc.h"

struct ackset;

struct journal {
    struct buf out;
    uint64_t from, to; /* the run that may still grow; empty: from == to */
    bool undone;
};

void journal_init(struct journal *j);
void journal_fini(struct journal *j);

void journal_add(struct journal *j, uint64_t from, uint64_t to, bool done);
bool journal_is_empty(const struct journal *j);
/* Hands the bytes over (mem_free) and leaves `j` empty. */
char *journal_take(struct journal *j, size_t *len);
void journal_drop(struct journal *j);

/* Does to `set` what the bytes say. RC_MALFORMED: they are no journal's. */
RC_MUST_USE int journal_apply(struct ackset *set, struct str bytes);

#endif
