/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a query through the table: spans of time that widen into the
 * past until the answer is full, each asked for at most once; ids that were
 * met already; where to go on. It asks nobody: the caller does.
 * Pure; threads: one at a time. */
#ifndef STORE_BIGQUERY_WALK_H
#define STORE_BIGQUERY_WALK_H

#include "store/bigquery_sql.h"
#include "store/store.h"

struct bigquery_walk {
    struct store_query *op;
    int64_t now_us;
    int64_t oldest_us, newest_us; /* what is left to it, inclusive */
    int64_t top_us;               /* what it allows; newer than newest_us if
                                   * it begins at a position */
    struct bigquery_span span;    /* what is to be asked next */
    unsigned step;                /* how wide */
    size_t n_raw;                 /* rows of this ask so far */
    bool has_moved;               /* ... and `last` is one of them */
    size_t limit_cap;             /* most rows of one ask */
    size_t bytes;
    struct row *last;      /* the last row met: the position */
    struct row_list newer; /* ids that stand before the query's position */
    struct str *seen;      /* a hash table of ids */
    size_t n_seen, n_slots;
};

/* How far back the first span of an unbounded query goes: what is enough for
 * the rows met (0: nothing is known). */
int64_t bigquery_walk_span(const struct bigquery_walk *w);

/* False: nothing can match, the answer is empty. `head_span_us` is the last
 * walk's bigquery_walk_span. */
bool bigquery_walk_begin(struct bigquery_walk *w, struct store_query *op,
                         int64_t now_us, int64_t head_span_us);
void bigquery_walk_fini(struct bigquery_walk *w);

/* Must the ids of rows be looked for before the position, too? (A page of a
 * walk: an id may have been on an earlier one.) */
bool bigquery_walk_wants_newer(const struct bigquery_walk *w);
/* Those that are there; takes the rows. */
void bigquery_walk_note_newer(struct bigquery_walk *w, struct row_list *rows);

/* Rows that an ask brought, in order, and how many it brought that are none;
 * takes the rows. True: the query's answer is full. */
bool bigquery_walk_absorb(struct bigquery_walk *w, struct row_list *rows,
                          size_t n_strange);
/* The ask is over (or broken off: `again`). True: `span` says what to ask
 * next; false: that was all. */
bool bigquery_walk_next(struct bigquery_walk *w, bool again);
/* An answer was too large: asks for fewer. False: it was one row. */
bool bigquery_walk_less(struct bigquery_walk *w);

#endif
