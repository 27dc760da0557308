/* SPDX-License-Identifier: Apache-2.0 */
#include "store/bigquery_walk.h"

#include "common/clock.h"
#include "common/mem.h"

#define DAY_US (86400 * US_PER_S)

/* How many whole days before the one it begins in a step goes back. Days are
 * UTC's, as the table's partitions: BigQuery bills partitions, and part of one
 * is billed whole. Each step is asked for only where the ones before did not
 * suffice, and then without what they have read. An id is looked for in fewer:
 * most are not there at all, and each step costs a call. */
static const int64_t steps_rows[] = {0, 1, 7, 90};
static const int64_t steps_id[] = {7};

enum {
    STEPS_ROWS = 4, /* and then everything */
    STEPS_ID = 1,
    SLACK = 10, /* rows more than wanted, for those that repeat an id */
    SLOTS_MIN = 64
};

/* --- ids met ----------------------------------------------------------------
 */

static struct str *slot_of(const struct bigquery_walk *w, struct str id)
{
    size_t at = (size_t)str_hash(id) & (w->n_slots - 1);

    while (w->seen[at].p && !str_eq(w->seen[at], id))
        at = (at + 1) & (w->n_slots - 1);
    return &w->seen[at];
}

static void make_room(struct bigquery_walk *w)
{
    struct str *old = w->seen;
    size_t n = w->n_slots;

    if (w->n_seen * 2 < w->n_slots)
        return;
    w->n_slots = n ? n * 2 : SLOTS_MIN;
    w->seen = MEM_ARRAY(struct str, w->n_slots);
    for (size_t i = 0; i < n; i++) {
        if (old[i].p)
            *slot_of(w, old[i]) = old[i];
    }
    mem_free(old);
}

/* True if it is new. The id must outlive the walk's use of it. */
static bool note(struct bigquery_walk *w, struct str id)
{
    struct str *slot;

    make_room(w);
    slot = slot_of(w, id);
    if (slot->p)
        return false;
    *slot = id;
    w->n_seen++;
    return true;
}

/* --- spans -------------------------------------------------------------------
 */

static bool is_for_id(const struct bigquery_walk *w)
{
    return w->op->id.p != NULL;
}

static bool is_head(const struct bigquery_walk *w)
{
    const struct store_query *op = w->op;

    return !op->has_since && !op->has_until && !op->has_after && !op->id.p;
}

static int64_t anchor_of(const struct bigquery_walk *w)
{
    return w->newest_us < w->now_us ? w->newest_us : w->now_us;
}

static int64_t day_of(int64_t us)
{
    int64_t into = us % DAY_US;

    return us - (into < 0 ? into + DAY_US : into);
}

/* The past end of step `w->step`. */
static int64_t end_of_step(const struct bigquery_walk *w)
{
    const int64_t *days = is_for_id(w) ? steps_id : steps_rows;
    int64_t end;

    if (w->step >= (is_for_id(w) ? STEPS_ID : STEPS_ROWS))
        return w->oldest_us;
    end = day_of(anchor_of(w)) - days[w->step] * DAY_US;
    return end < w->oldest_us ? w->oldest_us : end;
}

static void set_oldest(struct bigquery_walk *w)
{
    w->span.oldest_us = end_of_step(w);
}

static void set_limit(struct bigquery_walk *w)
{
    size_t wanted = w->op->limit - w->op->rows.n + SLACK;

    w->span.limit = wanted < w->limit_cap ? wanted : w->limit_cap;
    w->n_raw = 0;
    w->has_moved = false;
}

int64_t bigquery_walk_span(const struct bigquery_walk *w)
{
    const struct row_list *rows = &w->op->rows;

    if (!is_head(w))
        return 0;
    if (rows->n == 0 || (rows->n < w->op->limit && !w->op->cut))
        return INT64_MAX;
    return anchor_of(w) - rows->rows[rows->n - 1]->timestamp_us;
}

bool bigquery_walk_begin(struct bigquery_walk *w, struct store_query *op,
                         int64_t now_us, int64_t head_span_us)
{
    *w = (struct bigquery_walk){
        .op = op,
        .now_us = now_us,
        .oldest_us = BIGQUERY_TIME_MIN,
        .newest_us = BIGQUERY_TIME_MAX,
        .limit_cap = STORE_LIMIT_MAX + SLACK,
    };
    if (op->has_since && op->since_us > w->oldest_us)
        w->oldest_us = op->since_us;
    if (op->has_until && op->until_us <= w->newest_us)
        w->newest_us =
            op->until_us > BIGQUERY_TIME_MIN ? op->until_us - 1 : INT64_MIN;
    w->top_us = w->span.newest_us = w->newest_us;
    if (op->has_after && op->after_us <= w->newest_us) {
        w->span.newest_us = op->after_us;
        w->span.has_after = true;
        w->span.after_id = op->after_id;
    }
    if (w->oldest_us > w->span.newest_us)
        return false;
    w->newest_us = w->span.newest_us;
    w->span.id = op->id;
    while (is_head(w) && w->step < STEPS_ROWS &&
           anchor_of(w) - end_of_step(w) < head_span_us)
        w->step++;
    set_oldest(w);
    set_limit(w);
    return true;
}

void bigquery_walk_fini(struct bigquery_walk *w)
{
    row_unref(w->last);
    row_list_fini(&w->newer);
    mem_free(w->seen);
    w->seen = NULL;
    w->last = NULL;
}

/* --- rows
 * --------------------------------------------------------------------- */

bool bigquery_walk_wants_newer(const struct bigquery_walk *w)
{
    return w->op->has_after && w->op->after_us <= w->top_us;
}

void bigquery_walk_note_newer(struct bigquery_walk *w, struct row_list *rows)
{
    for (size_t i = 0; i < rows->n; i++) {
        if (note(w, rows->rows[i]->id))
            row_list_push(&w->newer, row_ref(rows->rows[i]));
    }
    row_list_fini(rows);
}

bool bigquery_walk_absorb(struct bigquery_walk *w, struct row_list *rows,
                          size_t n_strange)
{
    struct store_query *op = w->op;
    bool full = false;

    w->n_raw += rows->n + n_strange;
    for (size_t i = 0; i < rows->n && !full; i++) {
        struct row *row = rows->rows[i];
        if (!note(w, row->id))
            continue;
        if (w->bytes >= STORE_QUERY_MAX_BYTES) {
            op->cut = full = true;
            break;
        }
        row_list_push(&op->rows, row_ref(row));
        w->bytes += row->json.len;
        full = op->rows.n == op->limit;
    }
    if (rows->n) {
        row_unref(w->last);
        w->last = row_ref(rows->rows[rows->n - 1]);
        w->has_moved = true;
    }
    row_list_fini(rows);
    return full;
}

/* Behind the last row met, within the same span. */
static void go_behind_last(struct bigquery_walk *w)
{
    w->span.newest_us = w->last->timestamp_us;
    w->span.has_after = true;
    w->span.after_id = w->last->id;
    set_limit(w);
}

bool bigquery_walk_next(struct bigquery_walk *w, bool again)
{
    if (again || w->n_raw >= w->span.limit) {
        if (w->has_moved)
            go_behind_last(w);
        else if (!again) /* rows that are none of ours: no way past them */
            return false;
        return true;
    }
    if (w->span.oldest_us <= w->oldest_us)
        return false;
    row_unref(w->last);
    w->last = NULL;
    w->span.newest_us = w->span.oldest_us - 1;
    w->span.has_after = false;
    w->step++;
    set_oldest(w);
    set_limit(w);
    return true;
}

bool bigquery_walk_less(struct bigquery_walk *w)
{
    if (w->span.limit <= 1)
        return false;
    w->limit_cap = w->span.limit / 2;
    set_limit(w);
    return true;
}
