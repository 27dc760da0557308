/* SPDX-License-Identifier: Apache-2.0 */
/* What part of a table bounds on its partition column leave. */
#include "emulator/bigquery/partition_stats.h"

#include "common/mem.h"
#include "emulator/bigquery/sql/sql.h"

enum {
    ROWS_LEAST = 5000, /* nothing is gained in fewer */
    PROBES = 8,
    /* What part of the rows makes reading all of them the faster way, found by
     * measuring both: with rows in the column's order, and scattered. */
    ORDERED_PARTS = 2,
    SCATTERED_PARTS = 12
};

struct span {
    int64_t low, high; /* inclusive */
};

static struct span common(struct span a, struct span b)
{
    return (struct span){a.low > b.low ? a.low : b.low,
                         a.high < b.high ? a.high : b.high};
}

/* As doubles, since a span may be all of int64_t. */
static double width(struct span s)
{
    return s.low > s.high ? 0 : (double)s.high - (double)s.low + 1;
}

/* The values that there are, from the index's two ends. */
static bool find_ends(struct db *db, const struct table *t, struct span *out)
{
    char *sql = mem_printf("SELECT (SELECT min(\"%s\") FROM %s),"
                           " (SELECT max(\"%s\") FROM %s)",
                           t->part.by, t->physical, t->part.by, t->physical);
    sqlite3_stmt *s = NULL;
    bool ok = sqlite3_prepare_v2(db->h, sql, -1, &s, NULL) == SQLITE_OK &&
              sqlite3_step(s) == SQLITE_ROW &&
              sqlite3_column_type(s, 0) != SQLITE_NULL;

    if (ok)
        *out = (struct span){sqlite3_column_int64(s, 0),
                             sqlite3_column_int64(s, 1)};
    sqlite3_finalize(s);
    mem_free(sql);
    return ok;
}

/* Rows within `asked`. */
static double estimate(struct db *db, const struct table *t, struct span ends,
                       struct span asked)
{
    struct err ignored = {0};
    sqlite3_stmt *s;
    double rows = 0;

    s = db_query(db, &ignored,
                 "SELECT part, n_rows FROM partitions WHERE table_id = ?", "i",
                 t->id);
    while (s && sqlite3_step(s) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(s, 0);
        struct span part;

        if (id == PARTITION_NULL || id == PARTITION_BEYOND)
            continue;
        part =
            common(ends, (struct span){id, partition_next(&t->part, id) - 1});
        if (width(part) > 0)
            rows += (double)sqlite3_column_int64(s, 1) *
                    width(common(part, asked)) / width(part);
    }
    if (s)
        db_done(s);
    return rows;
}

/* Whether rows lie in the column's order, as events that are stored when they
 * happen do: looking them up then walks the table from front to back. */
static bool in_order(struct db *db, const struct table *t, struct span asked)
{
    double step = width(asked) / PROBES;
    int64_t last = INT64_MIN, rowid;
    bool ordered = true;
    sqlite3_stmt *s;
    char *sql = mem_printf("SELECT %s FROM %s WHERE \"%s\" >= ? ORDER BY"
                           " \"%s\" LIMIT 1",
                           t->rowid, t->physical, t->part.by, t->part.by);

    if (sqlite3_prepare_v2(db->h, sql, -1, &s, NULL))
        ordered = false;
    for (int i = 0; i < PROBES && ordered; i++) {
        sqlite3_bind_int64(s, 1, asked.low + (int64_t)(step * i));
        if (sqlite3_step(s) == SQLITE_ROW) {
            rowid = sqlite3_column_int64(s, 0);
            ordered = rowid >= last;
            last = rowid;
        }
        sqlite3_reset(s);
    }
    sqlite3_finalize(s);
    mem_free(sql);
    return ordered;
}

/* The index has all that the query names: no row is looked up. */
static bool is_covered(const struct table *t, const bool *used)
{
    for (size_t i = 0; used && i < t->n_columns; i++)
        if (used[i] && (int)i != t->part.column)
            return false;
    return used;
}

static bool is_wide(struct db *db, const struct table *t, struct span asked)
{
    struct span ends;
    double rows, all = (double)t->n_rows;

    if (!find_ends(db, t, &ends))
        return false;
    asked = common(asked, ends);
    rows = estimate(db, t, ends, asked);
    if (rows * SCATTERED_PARTS <= all)
        return false;
    return rows * ORDERED_PARTS > all || !in_order(db, t, asked);
}

bool partition_is_wide(struct db *db, const struct sql_ref *ref)
{
    struct fail ignored;
    struct table *t;
    bool wide;

    if (!ref->pruned || ref->low > ref->high ||
        table_load(db, ref->table.project, ref->table.dataset, ref->table.table,
                   &t, &ignored))
        return false;
    wide = t->part.by && t->n_rows >= ROWS_LEAST && !is_covered(t, ref->used) &&
           is_wide(db, t, (struct span){ref->low, ref->high});
    table_free(t);
    return wide;
}
