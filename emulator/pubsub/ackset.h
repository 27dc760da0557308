/* SPDX-License-Identifier: Apache-2.0 */
/* Which messages of a topic's log one holder (a subscription, a snapshot) is
 * done with: a set of sequence numbers that is mostly "everything below the
 * frontier" and a few islands above it.
 *
 * Kept as chunks of 4,096 bits above the frontier; a chunk with all bits set
 * or none costs a pointer only. So a test, an acknowledgement and its undoing
 * are O(1), and a message that stays unacknowledged for ever makes those
 * behind it cost a bit each at worst, a pointer for 4,096 as a rule.
 * Pure. Owns its chunks. Threads: one at a time. */
#ifndef EMULATOR_PUBSUB_ACKSET_H
#define EMULATOR_PUBSUB_ACKSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/rc.h"
#include "common/str.h"

struct buf;
struct ackset_chunk;

/* From the frontier to the last island: a set that spans more is not one of
 * ours, and would be all memory there is. */
#define ACKSET_SPAN_MAX (1ULL << 36)

struct ackset {
    uint64_t frontier; /* all below it are in the set; it is not */
    /* private: directory of chunks, the first holds the frontier */
    struct ackset_chunk **dir;
    uint64_t base; /* number of the chunk dir[0] stands for */
    size_t n, cap;
};

void ackset_init(struct ackset *a, uint64_t frontier);
void ackset_fini(struct ackset *a);
void ackset_copy(struct ackset *to, const struct ackset *from); /* inits */

bool ackset_has(const struct ackset *a, uint64_t seq);
/* True if `seq` was not in the set before. */
bool ackset_add(struct ackset *a, uint64_t seq);
void ackset_add_range(struct ackset *a, uint64_t from, uint64_t to);
/* Takes [from, to) out again; the frontier falls if it must. */
void ackset_remove_range(struct ackset *a, uint64_t from, uint64_t to);
bool ackset_has_range(const struct ackset *a, uint64_t from, uint64_t to);
/* First number >= from, but at most `limit`, that is not in the set. */
uint64_t ackset_next_free(const struct ackset *a, uint64_t from,
                          uint64_t limit);
/* One past the highest number in the set; the frontier when there is none
 * beyond it. */
uint64_t ackset_end(const struct ackset *a);
/* How many of [from, to) are not in the set. */
uint64_t ackset_count_free(const struct ackset *a, uint64_t from, uint64_t to);

/* As bytes: varints frontier, then pairs (gap, run) of the islands. */
void ackset_save(const struct ackset *a, struct buf *out);
/* Inits `a`. RC_MALFORMED if the bytes are not ackset_save's. */
RC_MUST_USE int ackset_load(struct ackset *a, struct str bytes);

#endif
