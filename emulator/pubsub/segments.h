/* SPDX-License-Identifier: Apache-2.0 */
/* Large batches' bytes, in files beside the tables: appended once, where SQLite
 * would write them into its log, read them again and write them into the
 * database. The tables hold each batch's place, so that what a transaction
 * appended counts with its commit, and what it released is overwritten after
 * it alone. The bytes reach the kernel, not the disk: for a state that has to
 * survive the end of the process, not a power cut.
 * Threads: one at a time. */
#ifndef EMULATOR_PUBSUB_SEGMENTS_H
#define EMULATOR_PUBSUB_SEGMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/rc.h"
#include "common/str.h"

struct segments;

struct segment_place {
    uint64_t file; /* from 1 on; 0: in no segment */
    uint64_t at;
    uint32_t len;
};

/* Files `path`-1, `path`-2, ...; none is made before the first append. */
struct segments *segments_new(const char *path);
/* Leaves the files. */
void segments_free(struct segments *s);

/* At the start: a place of batch `id` that the tables know ... */
void segments_found(struct segments *s, uint64_t id,
                    const struct segment_place *place);
/* ... and, after all of them, an end to the files that they do not know. */
void segments_tidy(struct segments *s);

/* RC_IO: `err` says which file and why. */
RC_MUST_USE int segments_append(struct segments *s, uint64_t id,
                                struct str bytes, struct segment_place *out,
                                struct err *err);
/* Fills `to` with the place's bytes. RC_MALFORMED: the file is gone, or shorter
 * than the place says; RC_IO. */
RC_MUST_USE int segments_read(struct segments *s,
                              const struct segment_place *place, char *to,
                              struct err *err);
void segments_release(struct segments *s, const struct segment_place *place);
void segments_release_all(struct segments *s);

/* With the tables' own: all since the last one stands, or never was. */
void segments_commit(struct segments *s);
void segments_rollback(struct segments *s);

/* A file that is mostly holes, since a commit or another life; each is named
 * once a commit that released some of it. Its batches have ids from `low` to
 * `high`; who appends and releases them all gives its room back. */
struct segment_holes {
    uint64_t file, low, high;
};
bool segments_take_holes(struct segments *s, struct segment_holes *out);

#endif
