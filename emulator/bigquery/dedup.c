/* SPDX-License-Identifier: Apache-2.0 */
/* Two generations of open-addressed tables: when the young one is a minute
 * old, or full, it becomes the old one and the old one is dropped. Each entry
 * has its own time, so that a minute is a minute. */
#include "emulator/bigquery/dedup.h"

#include "common/mem.h"
#include "emulator/bigquery/db.h"

enum {
    FIRST_SLOTS = 256
};

struct entry {
    struct dedup_id id;
    int64_t at_us; /* INT64_MIN: removed */
};

struct generation {
    struct entry *slots;
    size_t cap, n;
    int64_t began_us;
};

struct dedup {
    struct generation young, old;
};

static uint64_t mix(uint64_t h)
{
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdULL;
    h ^= h >> 33;
    h *= 0xc4ceb9fe1a85ec53ULL;
    return h ^ h >> 33;
}

struct dedup_id dedup_hash(int64_t table, struct str id)
{
    uint64_t a = mix((uint64_t)table + 0x9e3779b97f4a7c15ULL), b = ~a;

    while (id.len) {
        size_t n = id.len < 8 ? id.len : 8;
        uint64_t word = 0;

        memcpy(&word, id.p, n);
        word ^= (uint64_t)n << 56; /* "a" is not "a\0" */
        a = mix(a ^ word) + 0x2545f4914f6cdd1dULL;
        b = mix(b + word * 0x9fb21c651e98df25ULL);
        id = str_of(id.p + n, id.len - n);
    }
    return (struct dedup_id){mix(a), mix(b) | 1};
}

struct dedup *dedup_new(void)
{
    return MEM_NEW(struct dedup);
}

void dedup_clear(struct dedup *d)
{
    mem_free(d->young.slots);
    mem_free(d->old.slots);
    *d = (struct dedup){{0}, {0}};
}

void dedup_free(struct dedup *d)
{
    if (!d)
        return;
    dedup_clear(d);
    mem_free(d);
}

static struct entry *find(struct generation *g, struct dedup_id id)
{
    size_t i = id.a & (g->cap - 1);

    if (!g->cap)
        return NULL;
    while (g->slots[i].id.b &&
           (g->slots[i].id.a != id.a || g->slots[i].id.b != id.b))
        i = (i + 1) & (g->cap - 1);
    return &g->slots[i];
}

/* False: no memory; ids are then forgotten early. */
static bool grow(struct generation *g)
{
    struct generation bigger = {.cap = g->cap ? 2 * g->cap : FIRST_SLOTS,
                                .n = g->n,
                                .began_us = g->began_us};

    bigger.slots = mem_try_alloc(bigger.cap * sizeof(*bigger.slots));
    if (!bigger.slots)
        return false;
    memset(bigger.slots, 0, bigger.cap * sizeof(*bigger.slots));
    for (size_t i = 0; i < g->cap; i++)
        if (g->slots[i].id.b)
            *find(&bigger, g->slots[i].id) = g->slots[i];
    mem_free(g->slots);
    *g = bigger;
    return true;
}

static void turn(struct dedup *d, int64_t now_us)
{
    mem_free(d->old.slots);
    d->old = d->young;
    d->young = (struct generation){.began_us = now_us};
}

/* Also a little later than now: calls have the time at which they came, and
 * one that came first may get the writer last. */
static bool is_recent(const struct entry *e, int64_t now_us)
{
    return e && e->id.b && e->at_us > now_us - DEDUP_US &&
           e->at_us < now_us + DEDUP_US;
}

bool dedup_add(struct dedup *d, struct dedup_id id, int64_t now_us)
{
    struct entry *e;

    if (is_recent(find(&d->young, id), now_us) ||
        is_recent(find(&d->old, id), now_us))
        return false;
    if (d->young.n >= DEDUP_MAX ||
        (d->young.n && now_us - d->young.began_us >= DEDUP_US))
        turn(d, now_us);
    if (d->young.n == 0)
        d->young.began_us = now_us;
    if (d->young.n + 1 > d->young.cap / 4 * 3 && !grow(&d->young))
        return true;
    e = find(&d->young, id);
    if (!e->id.b)
        d->young.n++;
    *e = (struct entry){id, now_us};
    return true;
}

void dedup_remove(struct dedup *d, struct dedup_id id)
{
    struct entry *e = find(&d->young, id);

    if (e && e->id.b)
        e->at_us = INT64_MIN;
}

int dedup_store(struct db *w, int64_t table, const struct dedup_id *ids,
                size_t n, int64_t now_us, struct err *err)
{
    int rc;

    if (n == 0)
        return RC_OK;
    rc = db_run(w, err, "DELETE FROM recent WHERE at_us <= ?", "i",
                now_us - DEDUP_US);
    if (rc)
        return rc;
    return db_run(w, err, "INSERT INTO recent VALUES(?,?,?)", "iib", now_us,
                  table, str_of((const char *)ids, n * sizeof(*ids)));
}

int dedup_load(struct dedup *d, struct db *w, int64_t now_us, struct err *err)
{
    sqlite3_stmt *s = db_query(
        w, err, "SELECT at_us, ids FROM recent WHERE at_us > ? ORDER BY at_us",
        "i", now_us - DEDUP_US);

    dedup_clear(d);
    if (!s)
        return RC_INTERNAL;
    while (sqlite3_step(s) == SQLITE_ROW) {
        const char *ids = sqlite3_column_blob(s, 1);
        size_t len = (size_t)sqlite3_column_bytes(s, 1);

        for (size_t i = 0; i + DEDUP_ID_BYTES <= len; i += DEDUP_ID_BYTES) {
            struct dedup_id id;

            memcpy(&id, ids + i, sizeof(id));
            dedup_add(d, id, sqlite3_column_int64(s, 0));
        }
    }
    db_done(s);
    return RC_OK;
}
