/* SPDX-License-Identifier: Apache-2.0 */
/* Rows as things that are counted, ordered, compared and listed. How they come
 * to be: row_parse.c (from JSON) and row_render.c (from a store). */
#include "schema/row.h"

#include <stdatomic.h>

#include "common/clock.h"
#include "common/mem.h"

struct row *row_ref(struct row *row)
{
    atomic_fetch_add_explicit(&row->refs, 1, memory_order_relaxed);
    return row;
}

void row_unref(struct row *row)
{
    if (row &&
        atomic_fetch_sub_explicit(&row->refs, 1, memory_order_acq_rel) == 1)
        mem_free(row);
}

int row_order(const struct row *a, const struct row *b)
{
    if (a->timestamp_us != b->timestamp_us)
        return a->timestamp_us > b->timestamp_us ? -1 : 1;
    return str_cmp(a->id, b->id);
}

uint64_t row_content_hash(const struct row *row)
{
    return str_hash(row->json);
}

const char *reject_kind_name(enum reject_kind kind)
{
    static const char *const names[] = {"malformed", "schema", "too_large"};
    return names[kind];
}

struct row_window row_window_at(int64_t now_us, int64_t max_future_s)
{
    /* ten years of 365.25 days, as BigQuery's streaming window counts */
    const int64_t ten_years_s = 3652LL * 86400 + 43200;

    return (struct row_window){now_us - ten_years_s * US_PER_S,
                               now_us + max_future_s * US_PER_S};
}

void row_list_fini(struct row_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        row_unref(list->rows[i]);
    mem_free(list->rows);
    *list = (struct row_list){.rows = NULL};
}

void row_list_push(struct row_list *list, struct row *row)
{
    if (list->n == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 8;
        list->rows = mem_realloc(list->rows, list->cap * sizeof(*list->rows));
    }
    list->rows[list->n++] = row;
}
