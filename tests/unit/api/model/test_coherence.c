/* SPDX-License-Identifier: Apache-2.0 */
/* What readers are promised (cache/README.md), checked with a model checker's
 * mind: two processes, each with its head, its commits and its cache, one
 * table, one Redis; commits, notices, loads, expiries, lost connections and
 * comparisons come in an order that a seed chooses. After each step nothing
 * may have vanished, come twice, or be missing that the process was told of. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "api/commits.h"
#include "api/head.h"
#include "cache/cache.h"
#include "common/buf.h"
#include "common/log.h"
#include "common/mem.h"
#include "fake_redis.h"
#include "schema/schema.h"
#include "spin.h"

enum {
    N = 2, /* processes */
    ROWS = 120,
    QUERIES = 5,
    READERS = 12,
    STEPS = 6000,
    SEEDS = 20
};

static const char *const queries[QUERIES] = {
    "limit=1000",
    "limit=1000&since=2025-01-01T00:00:05Z",
    "limit=1000&until=2025-01-01T00:00:06Z",
    "limit=1000&since=2025-01-01T00:00:02Z&until=2025-01-01T00:00:04Z",
    "id=r7",
};

typedef unsigned __int128 set; /* of rows, a bit each */

struct notice {
    struct notice *next;
    struct generation gen;
    unsigned row;
};

struct process;
struct reader {
    struct cache_get get;
    struct process *p;
    unsigned query;
    bool busy;
    set needs; /* must be in the answer */
};

struct process {
    struct loop *loop;
    struct redis *redis;
    struct cache *cache;
    struct commits *commits;
    struct head *head;
    bool connected; /* to the channel */
    struct notice *inbox, **inbox_end;
    set told; /* own and delivered commits */
    set seen[QUERIES], seen_head;
    struct reader readers[READERS];
    /* a comparison with the store */
    bool checking, has_snapshot;
    set snapshot;
};

struct loading {
    struct loading *next;
    struct cache_load *load;
    bool has_snapshot;
    set snapshot;
};

static struct schema *schema;
static struct row *rows[ROWS];
static struct query parsed[QUERIES];
static struct buf keys[QUERIES];
static set truth; /* committed */
static unsigned n_rows;
static struct generation gen;
static bool redis_up, owes_gap;
static struct process processes[N];
static struct loading *loadings;
static unsigned seed;
static int64_t ttl_us; /* short: expiries; long: values of others live */

static unsigned pick(unsigned n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 16) % n;
}

static set bit(unsigned row)
{
    return (set)1 << row;
}

/* --- the store --- */

static struct row *make_row(unsigned i)
{
    struct reject why;
    struct row *row = NULL;
    char json[128];

    snprintf(json, sizeof(json),
             "{\"id\":\"r%u\",\"timestamp\":\"2025-01-01T00:00:%02u.%06uZ\"}",
             i, pick(10), i);
    ck_assert_int_eq(row_parse(schema, str_from(json), NULL, &row, &why),
                     RC_OK);
    return row;
}

static set matching(unsigned query, set among)
{
    set out = 0;

    for (unsigned i = 0; i < n_rows; i++) {
        if (among & bit(i) &&
            query_matches(&parsed[query], rows[i]->timestamp_us, rows[i]->id))
            out |= bit(i);
    }
    return out;
}

static void on_load(struct cache_load *load, void *arg)
{
    struct loading *l = MEM_NEW(struct loading);

    (void)arg;
    l->load = load;
    l->next = loadings;
    loadings = l;
}

/* Looks at the table, or answers; or fails. */
static void step_load(void)
{
    struct loading **at = &loadings, *l;
    struct query q;
    char text[40];

    if (!loadings)
        return;
    for (unsigned n = pick(4); n && (*at)->next; n--)
        at = &(*at)->next;
    l = *at;
    if (!l->has_snapshot) {
        l->has_snapshot = true;
        l->snapshot = truth;
        return;
    }
    *at = l->next;
    ck_assert_int_eq(query_from_key(l->load->key, &q), RC_OK);
    snprintf(text, sizeof(text), "%016llx%016llx",
             (unsigned long long)(l->snapshot >> 64),
             (unsigned long long)l->snapshot);
    if (pick(12) == 0)
        cache_load_done(l->load, RC_UNAVAILABLE, NULL, STR_NULL);
    else
        cache_load_done(l->load, RC_OK, NULL, str_from(text));
    mem_free(l);
}

/* --- the cache's questions --- */

static void *decode(struct str key, struct str bytes, size_t *cost, void *arg)
{
    (void)key;
    (void)arg;
    *cost = bytes.len;
    return mem_strndup(bytes.p, bytes.len);
}

static struct cache_stamp stamp(void *arg)
{
    return commits_stamp(((struct process *)arg)->commits);
}

static bool is_current(struct str key, const struct cache_stamp *s, void *arg)
{
    struct query q;

    return query_from_key(key, &q) == RC_OK &&
           commits_is_current(((struct process *)arg)->commits, &q, s,
                              clock_mono_us());
}

/* --- readers --- */

static int lowest(set s)
{
    int i = 0;

    while (!(s & bit((unsigned)i)))
        i++;
    return i;
}

static set parse_set(const char *text)
{
    char high[17] = {0};

    memcpy(high, text, 16);
    return (set)strtoull(high, NULL, 16) << 64 | strtoull(text + 16, NULL, 16);
}

static void on_done(struct cache_get *get)
{
    struct reader *r = LOOP_OWNER(get, struct reader, get);
    set got;

    r->busy = false;
    if (get->rc)
        return;
    got = matching(r->query, parse_set(get->value->object));
    cache_value_unref(get->value);
    /* a failed store: the last good answer, marked so */
    if (get->source == CACHE_STALE && r->needs & ~got)
        return;
    ck_assert_msg(!(r->needs & ~got), "query %u misses row %d (source %d)",
                  r->query, lowest(r->needs & ~got), (int)get->source);
    ck_assert_msg(!(got & ~truth), "a row that nobody committed");
    r->p->seen[r->query] |= got;
}

static void step_read(struct process *p)
{
    struct reader *r = &p->readers[pick(READERS)];

    if (r->busy)
        return;
    *r = (struct reader){.p = p, .query = pick(QUERIES), .busy = true};
    r->get.done = on_done;
    r->get.key = buf_as_str(&keys[r->query]);
    r->needs = matching(r->query, p->told) | p->seen[r->query];
    cache_get(p->cache, p->loop, p->redis, &r->get);
}

static void look_at_head(struct process *p)
{
    struct head_view *v = head_view(p->head);
    set got = 0;

    if (!v->loaded) { /* nothing is served from it yet */
        head_view_unref(v);
        return;
    }
    for (size_t i = 0; i < v->n; i++) {
        set b = bit((unsigned)strtoul(v->rows[i]->id.p + 1, NULL, 10));

        ck_assert_msg(!(got & b), "an id twice");
        ck_assert(!i || row_order(v->rows[i - 1], v->rows[i]) < 0);
        got |= b;
    }
    ck_assert_msg(!(p->told & ~got), "seed %u: the head misses a row", seed);
    ck_assert_msg(!(p->seen_head & ~got), "seed %u: a row vanished", seed);
    p->seen_head = got;
    head_view_unref(v);
}

/* --- commits and their notices --- */

static void apply(struct process *p, unsigned row, struct generation g)
{
    commits_add(p->commits, &rows[row], 1, g, clock_mono_us());
    head_add(p->head, &rows[row], 1, clock_mono_us(), NULL);
    p->told |= bit(row);
}

static void announce(unsigned row)
{
    gen.counter++;
    for (int i = 0; i < N; i++) {
        struct process *p = &processes[i];
        struct notice *n;

        if (!p->connected)
            continue;
        n = MEM_NEW(struct notice);
        n->gen = gen;
        n->row = row;
        *p->inbox_end = n;
        p->inbox_end = &n->next;
    }
}

static void begin_check(struct process *p);

/* What a gap does, in a process that is connected. */
static void gap(struct process *p)
{
    commits_forget(p->commits, gen);
    if (p->checking)
        head_check_fail(p->head);
    begin_check(p);
}

static void step_commit(struct process *p)
{
    unsigned row = n_rows;

    if (n_rows == ROWS)
        return;
    rows[row] = make_row(row);
    n_rows++;
    truth |= bit(row);
    if (pick(15) == 0)
        return; /* it died between commit and notice, or wrote by hand */
    apply(p, row, (struct generation){0});
    if (redis_up && pick(10)) {
        announce(row);
        return;
    }
    owes_gap = true;
}

/* A publication failed: once Redis is there every reader is told "gap", by a
 * note that is counted. */
static void step_gap_note(void)
{
    if (!redis_up || !owes_gap)
        return;
    owes_gap = false;
    gen.counter++;
    for (int i = 0; i < N; i++) {
        if (processes[i].connected)
            gap(&processes[i]);
    }
}

static void step_deliver(struct process *p)
{
    struct notice *n = p->inbox;

    if (!n)
        return;
    p->inbox = n->next;
    if (!p->inbox)
        p->inbox_end = &p->inbox;
    apply(p, n->row, n->gen);
    mem_free(n);
}

static void disconnect(struct process *p)
{
    while (p->inbox) {
        struct notice *n = p->inbox;
        p->inbox = n->next;
        mem_free(n);
    }
    p->inbox_end = &p->inbox;
    if (p->connected)
        commits_lose_generation(p->commits);
    p->connected = false;
}

static void step_connection(struct process *p)
{
    if (p->connected) {
        if (pick(4) == 0)
            disconnect(p);
    } else if (redis_up) {
        p->connected = true;
        gap(p);
    }
}

static void step_redis(void)
{
    if (redis_up && pick(3))
        return; /* it is mostly there */
    redis_up = !redis_up;
    for (int i = 0; i < N; i++) {
        fake_set_up(processes[i].redis, redis_up);
        if (!redis_up)
            disconnect(&processes[i]);
    }
    if (redis_up && pick(2)) { /* restarted empty */
        fake_flush();
        gen.epoch++;
        gen.counter = 0;
    }
}

/* --- comparisons with the store --- */

static void begin_check(struct process *p)
{
    p->checking = true;
    p->has_snapshot = false;
    head_check_begin(p->head, clock_mono_us());
}

static int by_order(const void *a, const void *b)
{
    return row_order(*(struct row *const *)a, *(struct row *const *)b);
}

static void end_check(struct process *p)
{
    struct row_list added = {NULL, 0, 0, false};
    struct row *list[ROWS];
    size_t n = 0, removed;

    for (unsigned i = 0; i < n_rows; i++) {
        if (p->snapshot & bit(i))
            list[n++] = rows[i];
    }
    qsort(list, n, sizeof(list[0]), by_order);
    head_check_end(p->head, list, n, true, &added, &removed);
    ck_assert_uint_eq(removed, 0);
    commits_add(p->commits, added.rows, added.n, (struct generation){0},
                clock_mono_us());
    for (size_t i = 0; p->connected && i < added.n; i++)
        announce((unsigned)strtoul(added.rows[i]->id.p + 1, NULL, 10));
    p->told |= p->snapshot;
    row_list_fini(&added);
    p->checking = false;
}

static void step_check(struct process *p)
{
    if (!p->checking) {
        begin_check(p);
    } else if (!p->has_snapshot) {
        p->has_snapshot = true;
        p->snapshot = truth;
    } else if (pick(8) == 0) {
        head_check_fail(p->head);
        p->checking = false;
    } else {
        end_check(p);
    }
}

/* --- the world --- */

static void start_process(struct process *p)
{
    const struct cache_config config = {
        .max_bytes = 10000000,
        .prefix = "m:",
        .policy = {ttl_us, 10 * ttl_us},
        .load = on_load,
        .decode = decode,
        .release = mem_free,
        .stamp = stamp,
        .is_current = is_current,
        .arg = p,
    };

    p->loop = loop_new();
    p->redis = fake_connection();
    p->cache = cache_new(&config);
    p->commits = commits_new(ttl_us);
    p->head = head_new(0);
    p->inbox_end = &p->inbox;
}

static void start(void)
{
    struct query_error why;

    log_init(LOG_OFF, "test", "test");
    ck_assert_int_eq(schema_load(NULL, &schema, NULL), RC_OK);
    for (int i = 0; i < QUERIES; i++) {
        ck_assert_int_eq(query_parse(str_from(queries[i]), &parsed[i], &why),
                         RC_OK);
        buf_init(&keys[i], 1000);
        query_put_key(&parsed[i], &keys[i]);
    }
    gen = (struct generation){1, 0};
    for (int i = 0; i < N; i++)
        start_process(&processes[i]);
    step_redis();
    for (int i = 0; i < N; i++) { /* no reader is served before that */
        begin_check(&processes[i]);
        end_check(&processes[i]);
    }
}

static void turn_loops(void)
{
    for (int i = 0; i < N; i++)
        spin_for(processes[i].loop, 0);
}

static void step(void)
{
    struct timespec little = {0, 300000};
    struct process *p = &processes[pick(N)];
    unsigned what = pick(1000);

    if (what >= 400 && what < 440 && pick(3))
        what = 500; /* few commits: values of others live */
    if (what < 400)
        step_read(p);
    else if (what < 440)
        step_commit(p);
    else if (what < 580)
        step_deliver(p);
    else if (what < 760)
        step_load();
    else if (what < 900)
        fake_step(pick(20) ? 0 : 1 + (int)pick(2));
    else if (what < 930)
        step_check(p);
    else if (what < 945)
        step_connection(p);
    else if (what < 950)
        step_redis();
    else if (what < 955)
        fake_expire_locks();
    else if (what < 975)
        nanosleep(&little, NULL);
    else
        look_at_head(p);
    if (pick(5) == 0)
        step_gap_note();
    if (!redis_up && pick(40) == 0)
        step_redis();
    if (!p->connected && pick(40) == 0)
        step_connection(p);
    if (what % 4 == 0)
        turn_loops();
}

static bool is_busy(void)
{
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < READERS; k++) {
            if (processes[i].readers[k].busy)
                return true;
        }
    }
    return false;
}

/* Everything that was begun comes to its end. */
static void finish(void)
{
    int64_t end_us = clock_mono_us() + 10 * US_PER_S;

    while (is_busy() || loadings || fake_is_pending()) {
        ck_assert_msg(clock_mono_us() < end_us, "a reader was forgotten");
        fake_step(0);
        step_load();
        turn_loops();
    }
    while (redis_up)
        step_redis();
    for (int i = 0; i < N; i++) {
        struct process *p = &processes[i];

        look_at_head(p);
        cache_close(p->cache);
        loop_free(p->loop);
        cache_free(p->cache);
        head_free(p->head);
        commits_free(p->commits);
        fake_connection_end(p->redis);
    }
    for (unsigned i = 0; i < n_rows; i++)
        row_unref(rows[i]);
    for (int i = 0; i < QUERIES; i++)
        buf_fini(&keys[i]);
    schema_free(schema);
}

START_TEST(nothing_vanishes_comes_twice_or_is_missing)
{
    seed = (unsigned)_i * 7919 + 1;
    ttl_us = (_i % 2 ? 4 : 1000) * US_PER_MS;
    start();
    for (int i = 0; i < STEPS; i++)
        step();
    ck_assert_uint_gt(n_rows, 20);
    finish();
}
END_TEST

Suite *suite_coherence(void)
{
    Suite *s = suite_create("coherence");
    TCase *t = tcase_create("coherence");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, nothing_vanishes_comes_twice_or_is_missing, 0,
                        SEEDS);
    suite_add_tcase(s, t);
    return s;
}
