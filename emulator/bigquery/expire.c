/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/expire.h"

#include "common/buf.h"
#include "common/log.h"
#include "common/mem.h"
#include "emulator/bigquery/partition_stats.h"
#include "emulator/bigquery/table.h"
#include "emulator/bigquery/trash.h"

#define LOOK_US (1000000LL)
#define DAY_US  (86400LL * 1000000)
#define MS_US   (1000LL)

struct name {
    struct str project, dataset, table;
};

/* A partition is gone its expiration after its end (page "Managing partitioned
 * tables"): rows before the partition that `now - expiration` lies in. */
static int drop_partitions(struct db *w, const struct table *t, int64_t now_us,
                           struct fail *f)
{
    const struct partitioning *p = &t->part;
    int64_t edge = now_us - p->expiration_ms * MS_US, cut;
    struct err err = {0};
    char *sql;
    int rc;

    if (p->kind == T_DATE)
        edge = (edge - (edge < 0 ? DAY_US - 1 : 0)) / DAY_US;
    cut = partition_of(p, edge);
    sql = mem_printf("DELETE FROM %s WHERE \"%s\" < %lld", t->physical, p->by,
                     (long long)cut);
    rc = db_exec(w, &err, sql);
    mem_free(sql);
    if (rc)
        return fail_from_err(f, &err);
    if (sqlite3_changes(w->h) == 0)
        return RC_OK;
    LOG_I("BigQuery: %d rows of expired partitions of %s.%s are gone",
          sqlite3_changes(w->h), t->dataset.p, t->name.p);
    return partition_forget(w, t, now_us, f);
}

static int expire_one(struct db *w, const struct name *n, int64_t now_us,
                      struct fail *f)
{
    struct err err = {0};
    int64_t ends_ms = 0;
    struct table *t;
    int rc = table_load(w, n->project, n->dataset, n->table, &t, f);

    if (rc)
        return rc;
    rc = db_int(w, &err, &ends_ms,
                "SELECT CAST(json_extract(body, '$.expirationTime') AS INTEGER)"
                " FROM tables WHERE id = ?",
                "i", t->id);
    if (rc)
        rc = fail_from_err(f, &err);
    else if (ends_ms && ends_ms * MS_US <= now_us)
        rc = table_drop(w, t, f);
    else if (t->part.by && t->part.expiration_ms > 0)
        rc = drop_partitions(w, t, now_us, f);
    table_free(t);
    return rc;
}

/* Tables that have an end, or whose partitions have one: fields end in NUL. */
static bool find(struct db *db, struct buf *names)
{
    struct err err = {0};
    sqlite3_stmt *s = db_query(
        db, &err,
        "SELECT project, dataset, name FROM tables"
        " WHERE instr(body, '\"expiration')"
        " AND (json_extract(body, '$.expirationTime') IS NOT NULL"
        " OR json_extract(body, '$.timePartitioning.expirationMs') IS NOT "
        "NULL)",
        "");

    while (s && sqlite3_step(s) == SQLITE_ROW)
        for (int i = 0; i < 3; i++) {
            buf_str(names, db_text(s, i));
            buf_putc(names, '\0');
        }
    if (s)
        db_done(s);
    return s && !names->failed && names->len > 0;
}

static void expire_all(struct db *w, struct str names, int64_t now_us,
                       struct fail *f)
{
    struct err err = {0};
    int rc = RC_OK;

    while (names.len && rc == RC_OK) {
        struct name n;

        n.project = str_cut(&names, '\0');
        n.dataset = str_cut(&names, '\0');
        n.table = str_cut(&names, '\0');
        rc = expire_one(w, &n, now_us, f);
        if (rc == RC_NOT_FOUND) /* somebody was faster */
            rc = RC_OK;
    }
    if (rc == RC_OK)
        rc = trash_trim(w, now_us, f);
    if (rc)
        db_rollback(w);
    else if (db_commit(w, &err))
        fail_from_err(f, &err);
}

void expire_due(struct bigquery *bq, struct db *db, int64_t now_us)
{
    long long last = atomic_load(&bq->expired_us);
    struct fail f = {0};
    struct err err = {0};
    struct buf names;
    struct db *w;

    if (now_us >= last && now_us - last < LOOK_US)
        return;
    if (!atomic_compare_exchange_strong(&bq->expired_us, &last, now_us))
        return;
    buf_init(&names, 64 << 20);
    if (find(db, &names) || trash_is_due(db, now_us)) {
        w = db_begin(db->all, true, &err);
        if (w)
            expire_all(w, buf_as_str(&names), now_us, &f);
        if (!w || f.reason) {
            LOG_W("BigQuery: expired tables stay for now: %s",
                  w ? f.text : err.text);
            atomic_store(&bq->expired_us, 0);
        }
    }
    buf_fini(&names);
}
