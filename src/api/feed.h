/* SPDX-License-Identifier: Apache-2.0 */
/* The rows that became visible lately, in that order, for the live streams.
 * Bounded; a reader that fell behind is told so. Threads: any; one lock. */
#ifndef API_FEED_H
#define API_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/row.h"

struct feed;

enum {
    FEED_EVENT_ID = 2 * (8 + 8) + 1
};

struct feed *feed_new(void);
void feed_free(struct feed *f);

/* Appends. */
void feed_add(struct feed *f, struct row *const *rows, size_t n);
/* Position behind the newest. */
uint64_t feed_end(struct feed *f);
/* Appends up to `max` rows from `*at` on to `out` and moves `*at`. False: rows
 * after `*at` are gone already; `*at` is moved to the end. */
bool feed_read(struct feed *f, uint64_t *at, struct row_list *out, size_t max);

/* An event's id names its row, so that it means the same in every process. */
void feed_event_id(const struct row *row, char out[FEED_EVENT_ID]);
/* Position behind the row that `id` names; false: unknown here. */
bool feed_find(struct feed *f, struct str id, uint64_t *at);

#endif
